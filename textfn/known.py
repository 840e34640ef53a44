"""The models that are known on this machine, as the settings of the environment say."""

from shared.manifest import Manifest
from shared.names import Catalogue
from shared.settings import Settings


def catalogue() -> Catalogue:
    """Read every manifest anew. Raises BadSetting or BadManifest."""
    return Catalogue.read(Settings.read())


def find(name: str) -> Manifest:
    """Return the manifest of any spelling of a name. Raises UnknownModel and as `catalogue`."""
    return catalogue().find(name)
