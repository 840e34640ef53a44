"""Start the server, run the tests of every client's environment against it, stop it.

`make test-clients` makes the environments first.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYTEST = ["bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
COMMANDS = [
    [f"{ROOT}/.venv-clients/{PYTEST[0]}", *PYTEST[1:], str(HERE), f"--ignore={HERE}/old"],
    [f"{ROOT}/.venv-clients-old/{PYTEST[0]}", *PYTEST[1:], str(HERE / "old")],
    ["node", "--test", *map(str, sorted(HERE.glob("*.test.mjs")))],
]


def main() -> int:
    models = {
        "TEXTFN_MODELS_DIR": str(ROOT / "tests" / "fixtures" / "models"),
        "TEXTFN_LOG_LEVEL": "warning",  # nobody reads the log
    }
    serve = [sys.executable, "-m", "textfn", "serve", "--port", "0"]
    with subprocess.Popen(
        serve, cwd=ROOT, env=os.environ | models, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        url = re.findall(r"http://[^/ ]+", server.stdout.readline())[0]
        environment = os.environ | {"TEXTFN_URL": url}
        try:
            return max(subprocess.run(each, env=environment).returncode for each in COMMANDS)
        finally:
            server.terminate()


if __name__ == "__main__":
    sys.exit(main())
