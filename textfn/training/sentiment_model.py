"""The sentiment classifier: BERT encoder, mean pooling, dense, tanh, two logits."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from textfn.training.sentiment_data import Example


class Head(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, 2)

    def forward(self, pooled: Tensor) -> Tensor:
        hidden = torch.tanh(self.dense(self.dropout(pooled)))
        return cast(Tensor, self.out_proj(self.dropout(hidden)))


class SentimentClassifier(nn.Module):
    """Logits [batch, (NEGATIVE, POSITIVE)] of tokenized texts."""

    def __init__(self, folder: Path, dropout: float = 0.0) -> None:
        super().__init__()
        # Eager attention: on a CPU the fused kernels train half as fast.
        config = BertConfig.from_pretrained(folder, attn_implementation="eager")
        self.bert = BertModel(config, add_pooling_layer=False)
        self.classifier = Head(config.hidden_size, dropout)
        self.load(folder / "model.safetensors")
        # The word table stays the base model's own.
        self.bert.embeddings.word_embeddings.requires_grad_(False)

    def load(self, path: Path) -> None:
        """Load weights under the base checkpoint's names. A new head keeps its random weights."""
        weights = load_file(path)
        names = {k: k if k.startswith("classifier.") else f"bert.{k}" for k in weights}
        missing, _ = self.load_state_dict({names[k]: v for k, v in weights.items()}, strict=False)
        if any(name.startswith("bert.") for name in missing):
            raise SystemExit(f"{path} lacks {missing}")

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        return cast(Tensor, self.classifier((hidden * weight).sum(1) / weight.sum(1)))


def save_model(model: nn.Module, source: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    weights = {k.removeprefix("bert."): v.contiguous() for k, v in model.state_dict().items()}
    save_file(weights, out / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        shutil.copyfile(source / name, out / name)


def load_tokenizer(folder: Path, max_tokens: int) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding()  # to the longest of the batch, in place of the file's fixed 128
    return tokenizer


def encode(tokenizer: Tokenizer, batch: Sequence[Example]) -> tuple[Tensor, Tensor]:
    encodings = tokenizer.encode_batch([e.text for e in batch])
    ids = torch.tensor([e.ids for e in encodings])
    return ids, torch.tensor([e.attention_mask for e in encodings])


@torch.no_grad()
def predict(model: nn.Module, tokenizer: Tokenizer, examples: Sequence[Example]) -> Tensor:
    """Return logits [examples, 2], in the order of the examples."""
    model.eval()
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].text))
    logits = torch.empty(len(examples), 2)
    for start in range(0, len(order), 64):
        rows = order[start : start + 64]
        with torch.autocast("cpu", torch.bfloat16):
            logits[rows] = model(*encode(tokenizer, [examples[i] for i in rows])).float()
    return logits


def figures(logits: Tensor, examples: Sequence[Example]) -> str:
    """Return accuracy, and expected calibration error over 15 equal bins of confidence."""
    confidence, label = logits.softmax(1).max(1)
    right = (label == torch.tensor([e.target > 0.5 for e in examples])).float()
    bins = (confidence * 15).long().clamp(max=14)
    gaps = torch.zeros(15).index_add_(0, bins, right - confidence)
    return f"{right.mean():.4f} ece {gaps.abs().sum() / len(right):.4f}"
