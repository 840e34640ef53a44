"""Which settings are wrong: all of them, where a start names the first."""

from collections.abc import Mapping

from shared.settings import BadSetting, Settings

# Either of them alone is refused.
PAIR = ("TEXTFN_MODEL_BUCKET", "TEXTFN_MODEL")


def wrong_settings(given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that are not allowed, each with the reason."""
    found = {}
    for name, value in given.items():
        try:
            Settings.read(_together(given) if name in PAIR else {name: value})
        except BadSetting as error:
            found[name] = str(error)
    return found


def _together(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given[name] for name in PAIR if name in given}
