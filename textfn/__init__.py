"""The command line: it runs on a laptop or at build time, never in a function."""

import os

# huggingface_hub reads this when it is imported, and otherwise reports this machine to the Hub.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
