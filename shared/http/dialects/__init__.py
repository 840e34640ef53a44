"""The dialects that clients speak. To add one: a module like the others, and its entry here."""

from shared.http.dialects import cloudflare, huggingface, openai, tei
from shared.http.dialects.dialect import Dialect, Path

# Asked in this order. The last one also answers for paths that no dialect owns.
DIALECTS: tuple[Dialect, ...] = (cloudflare, tei, openai, huggingface)


def of(path: str) -> Dialect:
    """Return the dialect of a path, known or not: errors must be in the format of its API."""
    return next((each for each in DIALECTS if each.owns(path)), DIALECTS[-1])


def paths() -> list[Path]:
    """Return the paths of all dialects, in the order in which they must be tried.

    A pattern that ends in a model's name takes any path that begins like it, so it comes after
    those that end in something else, and a shorter one comes after a longer one.
    """
    every = (path for dialect in DIALECTS for path in dialect.PATHS)
    return sorted(every, key=lambda path: (path.pattern.endswith(":path}"), -len(path.pattern)))
