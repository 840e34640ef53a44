"""The bundled models and the tiny ones, opened once for all tests that call models directly."""

from shared.inference.library import Library
from shared.settings import Settings

library = Library(Settings.read())
catalogue = library.catalogue
embeddings = library.of("text-embeddings")
similarity = library.of("sentence-similarity")
classification = library.of("text-classification")
