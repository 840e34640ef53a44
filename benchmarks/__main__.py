"""`make bench`: run every benchmark, print the results and write benchmarks/results.md."""

import os
from pathlib import Path

# One thread on all sides. Set before the imports below read these variables.
os.environ |= {"TEXTFN_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import onnxruntime

from benchmarks import throughput

HEAD = f"""# Results

`make bench` measures on one thread, and the sides take turns. onnxruntime
{onnxruntime.__version__}. Compare the ratios, because absolute numbers change with the machine.
"""

results = "\n".join([HEAD, throughput.embeddings(), throughput.sentiment()])
(Path(__file__).parent / "results.md").write_text(results, "utf-8")
print(results)
