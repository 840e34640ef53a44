"""Embeddings, similarity and classification of texts, by models that run on this machine.

    import textfn

    model = textfn.open("all-minilm-l6-v2")
    vectors = model.embed(["an orange cloud", "a llama"])  # float32 [2, 384]

docs/python.md is the guide. `import textfn` imports neither numpy nor onnxruntime; `open` does.
"""

import os
from typing import TYPE_CHECKING

from shared.errors import ModelNotInstalled, UnknownModel
from shared.version import VERSION as __version__

if TYPE_CHECKING:
    from textfn.api import TextModel

__all__ = ["ModelNotInstalled", "UnknownModel", "__version__", "open"]

# huggingface_hub reads this when it is imported, and otherwise reports this machine to the Hub.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def open(name: str) -> "TextModel":
    """Open an installed model by its id, such as "all-minilm-l6-v2", or any name of the catalogue.

    The same name opens the model once per process; later calls return at once. Settings are read
    from the environment, as everywhere: TEXTFN_MODELS_DIR adds a folder of models, TEXTFN_THREADS
    says how many runs go at a time.

    Raises UnknownModel, or ModelNotInstalled with the command that installs the model. Never
    answers with another model: stand-ins are for the HTTP routes.
    """
    from textfn.api import TextModel

    return TextModel(name)
