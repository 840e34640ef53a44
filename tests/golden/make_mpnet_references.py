"""Makes the fp32 vectors that tests compare all-mpnet-base-v2 with, by torch and transformers.

Needs torch 2.13.0 and transformers 5.23.0, as requirements/train.txt has them, and the checkpoint
in .cache/all-mpnet-base-v2, where `python -m benchmarks.accuracy all-mpnet-base-v2` puts it. Writes
`torch` into tests/golden/all_mpnet_base_v2.json: text -> 768 numbers, mean over the text's tokens,
L2-normalised. Every text runs alone. `published` stays: it is Text Embeddings Inference's.
"""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import MPNetModel

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / ".cache" / "all-mpnet-base-v2"
GOLDEN = Path(__file__).parent / "all_mpnet_base_v2.json"
TEXTS = [
    "That is a happy person",
    "That is a happy dog",
    "That is a very happy person",
    "Today is a sunny day",
    "Is the speed of light 299,792,458 m/s, and not (for instance) 3.1 or 4.3 x 10^44 m/s?",
    "!!! ??? ...",
    "Grüße aus Köln, 今日は 🙂",
    " ".join(["orange clouds drift over the harbour while seven grey llamas sleep."] * 60),
]


def main() -> None:
    model = MPNetModel.from_pretrained(CHECKPOINT, add_pooling_layer=False).eval()
    tokenizer = Tokenizer.from_file(str(CHECKPOINT / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(384)
    golden = json.loads(GOLDEN.read_text("utf-8"))
    golden["torch"] = {text: vector(model, tokenizer.encode(text).ids) for text in TEXTS}
    content = json.dumps(golden, ensure_ascii=False, indent=0, separators=(",", ": "))
    GOLDEN.write_text(content + "\n", "utf-8")


def vector(model: MPNetModel, ids: list[int]) -> list[float]:
    with torch.no_grad():
        rows = model(torch.tensor([ids]), torch.ones(1, len(ids))).last_hidden_state
    mean = torch.nn.functional.normalize(rows[0].mean(dim=0), dim=0)
    return [round(number, 7) for number in mean.tolist()]


if __name__ == "__main__":
    main()
