"""What is installed: `textfn models list` and `remove`."""

from shared.errors import UnknownModel
from shared.library import closest, key
from shared.manifest import Manifest, catalogue


def find(name: str) -> Manifest:
    """The manifest that any spelling of a name belongs to. Raises UnknownModel."""
    named = {key(each): manifest for manifest in catalogue() for each in manifest.names}
    if key(name) not in named:
        raise UnknownModel(name, closest(name), sorted(each.id for each in catalogue()))
    return named[key(name)]
