"""A dry run of a release: `make release`, step 4 of docs/releasing.md.

It checks the tree, the version and the changelog, runs `make check`, builds the wheel and the
source distribution into dist/ and tries them in an empty environment. It neither tags nor pushes:
it prints the commands that do.
"""

import datetime
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECKS = [
    ["make", "check"],
    # Builds both, installs the wheel where there is no checkout, and embeds, classifies and serves.
    [sys.executable, "-m", "pytest", "-q", "tests/test_wheel.py"],
]
PIP_WHEEL = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
SDIST = "import build_backend; build_backend.build_sdist('dist')"
BUILDS = [[*PIP_WHEEL, "--wheel-dir", "dist", "."], [sys.executable, "-c", SDIST]]


def main() -> int:
    """Exit codes: 0 ready to be tagged, 1 not ready, and a line per fault says why."""
    version = version_of(ROOT)
    faults = list(problems(ROOT, version))
    for fault in faults:
        print(f"make release: {fault}", file=sys.stderr)
    if faults:
        return 1
    for old in (ROOT / "dist").glob("textfn-*"):
        old.unlink()
    for command in CHECKS + BUILDS:
        print("$", " ".join(command), flush=True)
        lines = subprocess.DEVNULL if command in BUILDS else None  # setuptools names every file
        if subprocess.run(command, cwd=ROOT, stdout=lines).returncode:
            print(f"make release: {' '.join(command)} failed", file=sys.stderr)
            return 1
    for path in sorted((ROOT / "dist").glob("textfn-*")):
        print(f"dist/{path.name}: {path.stat().st_size / 1e6:.1f} MB")
    print(f"{version} is ready. To release it:\n\n{commands(version)}")
    return 0


def version_of(root: Path) -> str:
    found = re.search(r'^VERSION = "(.+)"$', (root / "shared/version.py").read_text(), re.MULTILINE)
    assert found, "shared/version.py has no VERSION"
    return found[1]


def problems(root: Path, version: str) -> Iterator[str]:
    """What stands between this checkout and a tag, a line per fault."""
    if changed := git(root, "status", "--porcelain"):
        files = ", ".join(line.split()[-1] for line in changed.splitlines())
        yield f"the tree is not clean: commit or remove {files}"
    if git(root, "tag", "--list", f"v{version}"):
        yield f"v{version} is tagged already: raise VERSION in shared/version.py"
    yield from changelog_problems((root / "CHANGELOG.md").read_text("utf-8"), version)


def changelog_problems(changelog: str, version: str) -> Iterator[str]:
    """What is wrong with the first two sections: an empty "Unreleased", then the version's."""
    unreleased, released, *_ = [*changelog.split("\n## ")[1:], "", ""]
    if unreleased.strip() != "Unreleased":
        yield (
            'CHANGELOG.md does not begin with an empty section "Unreleased": '
            f"move its lines to {version}"
        )
    heading = released.partition("\n")[0]
    match = re.fullmatch(rf"{re.escape(version)} - (\d{{4}}-\d\d-\d\d)", heading)
    if not match or not is_date(match[1]):
        wanted = f"## {version} - {datetime.date.today()}"
        yield f'CHANGELOG.md has "## {heading}" after "Unreleased"; it must have "{wanted}"'


def is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


def commands(version: str) -> str:
    """What the owner runs, once; this program runs none of it."""
    return f"""git tag -a v{version} -m "textfn {version}"
git push origin v{version}"""


if __name__ == "__main__":
    sys.exit(main())
