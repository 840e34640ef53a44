"""Write the parts of files that follow from dialects, manifests and settings, or check them."""

import argparse
import sys
from collections.abc import Sequence
from difflib import unified_diff
from itertools import islice
from pathlib import Path

from shared.errors import Failure
from shared.manifest import BUNDLED, read
from shared.names import Catalogue
from textfn.failure import report
from textfn.generating import openapi, tables, templates
from textfn.generating.marked import filled
from textfn.generating.routes import routes

ROOT = Path(__file__).parents[2]
SHOWN = 6  # lines of a difference


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 done; 1 a file differs, or cannot be generated."""
    parser = argparse.ArgumentParser(prog="python -m textfn.generating", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    options = parser.parse_args(arguments)
    try:
        made = generated()
    except Failure as error:  # NotGenerated, or a BadManifest
        return report(error, "make generated")
    different = {name: text for name, text in made.items() if _written(name) != text}
    for name, text in different.items():
        if options.check:
            print(_difference(name, text), file=sys.stderr)
        else:
            (ROOT / name).write_text(text, "utf-8")
            print(f"wrote {name}")
    return 1 if options.check and different else 0


def generated() -> dict[str, str]:
    """Return the text of every file that is generated in whole or in part, by its name."""
    catalogue = Catalogue(map(read, _folders()))
    found = routes(catalogue)
    parts = {
        "template.yaml": templates.sam(found),
        "serverless.yml": templates.serverless(found),
        "README.md": {"models": tables.models(catalogue)},
        "docs/models.md": {"names": tables.names(catalogue)},
        "docs/settings.md": {"settings": tables.settings()},
    }
    filled_in = {name: filled(_written(name), parts[name], name) for name in parts}
    return filled_in | {"functions/openapi.json": openapi.document()}


def _folders() -> list[Path]:
    """Find the models that come with textfn. A pulled or added one is in a folder NAME@..."""
    return [path for path in sorted(BUNDLED.iterdir()) if _is_of_textfn(path)]


def _is_of_textfn(folder: Path) -> bool:
    return "@" not in folder.name and (folder / "manifest.toml").exists()


def _written(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _difference(name: str, text: str) -> str:
    """Return the first lines that differ, and what to do."""
    lines = unified_diff(_written(name).splitlines(), text.splitlines(), n=0, lineterm="")
    first = islice(lines, 2, 3 + SHOWN)  # after the names of the two files
    return "\n".join([f"{name} is not what is generated. Run `make generated`.", *first])


if __name__ == "__main__":
    sys.exit(main())
