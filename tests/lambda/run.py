"""Bundle every function, then test the bundles in a network of their own.

`make test-lambda` makes the environment first. The tests need Linux, on which Lambda runs.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
OUT = ROOT / ".cache" / "lambda"
PYTHON = ".".join(map(str, sys.version_info[:2]))
# In a user namespace anybody may mount read-only and listen on port 53; nobody else sees it.
ISOLATED = ["unshare", "--map-root-user", "--net", "--mount"]


def main() -> int:
    if subprocess.run([*ISOLATED, "true"]).returncode:
        print("test-lambda: needs Linux and user namespaces: unshare failed", file=sys.stderr)
        return 1
    for arch in ("x86_64", "arm64"):
        options = ["--python", PYTHON, "--arch", arch, "--out", str(OUT / arch)]
        command = [sys.executable, "-m", "textfn", "bundle", *options]
        if code := subprocess.run(command, cwd=ROOT).returncode:
            return code
    inside = [sys.executable, str(HERE / "inside.py"), *sys.argv[1:]]
    environment = os.environ | {"TEXTFN_BUNDLES": str(OUT)}
    return subprocess.run([*ISOLATED, *inside], cwd=HERE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
