"""The code below the functions: the wings `http` and `inference`, and modules that both use.

Reading order: errors, settings, manifest, names, inference.model, inference.library, http.service,
http.application.
"""

import os

# Without this variable, onnxruntime reports usage to its maker. A server that keeps texts private
# must open no connection. onnxruntime reads it at import, so it is set before any module here.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
