"""What the functions share. Reading order: errors, settings, model, library, web."""

import os

# onnxruntime reads this when it is imported and otherwise reports usage to its maker, so it is set
# before any module here can import it. A server that keeps texts private opens no connection.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
