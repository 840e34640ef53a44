"""The places of the project's files, in a checkout and in an installed wheel.

A checkout has `functions`, `shared` and `textfn` side by side. A wheel has everything in `textfn`
(`textfn/functions`, `textfn/shared`, `textfn/models`, ...), so that it adds one name to
site-packages. `build_backend.py` renames the imports on the way into a wheel; `textfn bundle`
renames them back, because a bundle has the layout of a checkout.

Standard library only: the build imports this module before anything is installed.
"""

import ast
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = "textfn"
MOVED = ("functions", "shared")  # top-level packages of a checkout, inside `textfn` in a wheel

_HERE = Path(__file__).parent
IN_WHEEL = (_HERE / "functions").is_dir()
# The folder that holds functions/, shared/, models/ and requirements/, LICENSE and the notices.
ROOT = _HERE if IN_WHEEL else _HERE.parent

# Downloads that a later run uses again: .cache/ of a checkout, or the user's (XDG).
_CACHES = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
CACHE = _CACHES / PACKAGE if IN_WHEEL else ROOT / ".cache"

_INTO = {name: f"{PACKAGE}.{name}" for name in MOVED}
_OUT_OF = {renamed: name for name, renamed in _INTO.items()}


def source(path: Path) -> bytes:
    """Return a module of functions/ or shared/ as a checkout has it."""
    content = path.read_bytes()
    return out_of_package(content) if IN_WHEEL else content


def module(name: str) -> str:
    """Return the name under which a module of functions/ or shared/ is imported here."""
    return f"{PACKAGE}.{name}" if IN_WHEEL else name


def into_package(content: bytes) -> bytes:
    """Rename the imports of a module of the checkout: `shared.http` to `textfn.shared.http`.

    Nothing else changes: names in strings and comments stay. Raises ValueError with the line of an
    import that would bind another name than before, such as `import shared.http`.
    """
    return _renamed(content, _INTO)


def out_of_package(content: bytes) -> bytes:
    """Undo `into_package`, byte for byte."""
    return _renamed(content, _OUT_OF)


def _renamed(content: bytes, names: Mapping[str, str]) -> bytes:
    lines = content.splitlines(keepends=True)
    for row, column, module in sorted(_imported(content), reverse=True):
        for old, new in names.items():
            if f"{module}.".startswith(f"{old}."):
                start = _start(lines[row], column)
                if not lines[row].startswith(module.encode(), start):
                    raise ValueError(f"line {row + 1}: write the import of {module} in one line")
                lines[row] = lines[row][:start] + new.encode() + lines[row][start + len(old) :]
    return b"".join(lines)


def _start(line: bytes, column: int) -> int:
    """Return the column of the module's name, which may follow `from`."""
    keyword = re.compile(rb"from[ \t]+").match(line, column)
    return keyword.end() if keyword else column


def _imported(content: bytes) -> Iterator[tuple[int, int, str]]:
    """Find the absolute imports: row, column in bytes (of `from`, if any), name of the module."""
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno - 1, node.col_offset, node.module
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname is None and alias.name.split(".")[0] in MOVED:
                    raise ValueError(
                        f"line {alias.lineno}: `import {alias.name}` would bind `{PACKAGE}` in a "
                        "wheel; write `from ... import ...`"
                    )
                yield alias.lineno - 1, alias.col_offset, alias.name
