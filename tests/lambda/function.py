"""A bundle's function in a process as on Lambda: nothing is writable, and /sys is empty."""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from runtime_api import Outcome, RuntimeApi

HERE = Path(__file__).parent
# sha256 of "secret", the API token that the tests send.
TOKENS = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

# All file systems but /proc and /dev, in a mount namespace of the process alone.
READ_ONLY = """
cut -d" " -f2 /proc/self/mounts | grep -v -e "^/proc" -e "^/dev" | while read -r folder; do
  mount -o remount,bind,ro "$folder" 2>/dev/null || true
done
mount -t tmpfs -o ro none /sys
exec "$@"
"""


def sandboxed(command: Sequence[str]) -> list[str]:
    return ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", *command]


def command(bundle: Path, runtime: Path, handler: str) -> list[str]:
    start = [sys.executable, "-I", "-S", "-B", str(HERE / "bootstrap.py")]
    return [*start, str(bundle), str(runtime), handler]


def environment(**changes: str | None) -> dict[str, str]:
    """Return the variables that AWS sets and an API token, with `changes`; None removes one."""
    aws = {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_FUNCTION_NAME": "textfn",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_REGION": "eu-west-1",
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "TZ": ":UTC",
    }
    changed = {**aws, "TEXTFN_TOKENS": TOKENS, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def make_runtime(folder: Path) -> None:
    """Link the client and its imports, as in /var/runtime, and nothing else of an environment."""
    folder.mkdir()
    for name in ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"):
        spec = importlib.util.find_spec(name)
        assert spec and spec.origin
        origin = Path(spec.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (folder / origin.name).symlink_to(origin)


@dataclass
class Function:
    api: RuntimeApi
    process: subprocess.Popen[bytes]
    _stderr: IO[bytes]
    init_cpu_seconds: float = field(default=0)

    def invoke(self, event: object, seconds: float = 29) -> Outcome:
        self.api.give(event, seconds)
        return self.outcome()

    def outcome(self) -> Outcome:
        """Return its next outcome. Raises AssertionError if it dies or is silent for a minute."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            dead = self.process.poll() is not None
            if outcome := self.api.outcome(0.05):
                return outcome
            assert not dead, f"it ended with {self.process.returncode}: {self.stderr}"
        raise AssertionError("it did not answer in a minute")

    def wait_until_ready(self) -> None:
        while not self.api.is_ready():
            outcome = self.api.outcome(0.01)
            assert not outcome, outcome
            assert self.process.poll() is None, self.stderr

    def peak_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) * 1024

    @property
    def stderr(self) -> str:
        return _content(self._stderr)


@contextmanager
def running(bundle: Path, runtime: Path, handler: str, **changes: str | None) -> Iterator[Function]:
    """Start a function. It may not be ready yet."""
    with tempfile.TemporaryFile() as err:
        function: Any = None

        def when_ready() -> None:
            function.init_cpu_seconds = cpu_seconds(function.process.pid)

        api = RuntimeApi(when_ready)
        changes.setdefault("_HANDLER", handler)  # as Lambda sets it
        settings = environment(AWS_LAMBDA_RUNTIME_API=api.address, **changes)
        arguments = sandboxed(command(bundle, runtime, handler))
        process = subprocess.Popen(arguments, env=settings, stdout=subprocess.DEVNULL, stderr=err)
        function = Function(api, process, err)
        try:
            yield function
        finally:
            process.kill()
            process.wait()
            api.close()


def cpu_seconds(process: int) -> float:
    """Return the user and system time, to a hundredth of a second."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _content(file: IO[bytes]) -> str:
    time.sleep(0.05)  # a process writes its last words after its answer
    return os.pread(file.fileno(), 1_000_000, 0).decode()
