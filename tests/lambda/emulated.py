"""Whether another processor gives the same vectors, bit for bit: by hand, not in CI.

    python tests/lambda/emulated.py dist/native dist/native \\
        qemu-x86_64-static -cpu Haswell /usr/bin/python3.11
    python tests/lambda/emulated.py dist/native dist/arm64 \\
        qemu-aarch64-static -cpu neoverse-n1 -L ARM64_ROOT ARM64_ROOT/usr/bin/python3.11

The second runs in `unshare --map-root-user --mount`, with an empty file system on /sys and an arm64
processor's text on /proc/cpuinfo: onnxruntime crashes where it reads this machine's. ARM64_ROOT
has Debian's arm64 python3.11 and the libraries it needs, unpacked.

The folders are bundles of text-embeddings, unzipped (`textfn bundle --folder`), for the Python that
runs this; the rest is the emulated Python.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

SENTENCES = Path(__file__).parent.parent.parent / "benchmarks" / "sentences.txt"
COUNT = 50
VECTORS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from shared.inference.library import Library
from shared.settings import Settings
model = Library(Settings.read()).of("text-embeddings")[None]
print(json.dumps(model.embed(json.load(sys.stdin), normalize=True).values.tolist()))
"""


def vectors(python: list[str], bundle: Path, texts: list[str]) -> list[list[float]]:
    done = subprocess.run(
        [*python, "-I", "-S", "-B", "-c", VECTORS, str(bundle.resolve())],
        input=json.dumps(texts),
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{python[0]}: {done.stderr}")
    return [list(map(float, row)) for row in json.loads(done.stdout)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("native", type=Path)
    parser.add_argument("emulated", type=Path)
    parser.add_argument("python", nargs=argparse.REMAINDER, help="the emulated Python's command")
    options = parser.parse_args()
    texts = SENTENCES.read_text("utf-8").splitlines()[:COUNT]
    ours = vectors([sys.executable], options.native, texts)
    theirs = vectors(options.python, options.emulated, texts)
    others = sum(a != b for a, b in zip(ours, theirs, strict=True))
    print(f"{len(texts)} sentences: {others} with other bits")
    return 1 if others else 0


if __name__ == "__main__":
    sys.exit(main())
