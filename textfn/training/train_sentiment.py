"""Train the sentiment classifier: a MiniLM encoder, mean pooling and a two-way head.

The recipe of the shipped model, one folder per stage; each also takes --trees, --reviews, --own
and --dev. `train_sentiment` is short for `python -m textfn.training.train_sentiment`:

    train_sentiment reviews  --start BASE --seed 1 --out stage1
    train_sentiment treebank --start stage1 --seed 1 --out run1
    train_sentiment distil   --start run1 --teacher run1 --seed 2 --out run2
    train_sentiment average  --start run1 run2 --out soup12
    train_sentiment refine   --start soup12 --teacher soup12 --seed 3 --out run3
    train_sentiment sharp    --start stage1 --seed 11 --out run4
    train_sentiment average  --start run4 run2 run2 run3 run3 --out final

A model is a folder with model.safetensors (fp32), config.json and tokenizer.json. With --resume
an interrupted stage goes on and gives the same weights as an uninterrupted one.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from textfn.training.sentiment_data import (
    LEVEL_TARGETS,
    REVIEW_TARGETS,
    Data,
    Example,
    draw,
    epoch_batches,
    ordinary,
    read_data,
    review_sentences,
)
from textfn.training.sentiment_model import (
    SentimentClassifier,
    encode,
    figures,
    load_tokenizer,
    predict,
    save_model,
)
from textfn.training.sentiment_recipe import STAGES, Recipe


def epoch_examples(recipe: Recipe, data: Data, rng: random.Random) -> list[Example]:
    bank = draw(data.sentences, recipe.sentence_share, rng)
    bank += draw(data.polar, recipe.phrase_share, rng)
    bank += draw(data.neutral, recipe.neutral_share, rng)
    plain = set(draw(range(len(bank)), recipe.plain_share, rng))
    bank = [Example(ordinary(e.text), e.target) if i in plain else e for i, e in enumerate(bank)]
    return bank + data.own * recipe.own_copies + draw(data.reviews, recipe.review_share, rng)


def soft_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits, torch.stack([1 - target, target], 1))


def loss_of(model: nn.Module, ids: Tensor, mask: Tensor, target: Tensor, rdrop: float) -> Tensor:
    """Return the soft cross-entropy; with R-drop, that of two dropout passes and their KL."""
    if rdrop:
        ids, mask, target = ids.repeat(2, 1), mask.repeat(2, 1), target.repeat(2)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(ids, mask).float()
    loss = soft_cross_entropy(logits, target)
    if rdrop:
        p, q = logits.log_softmax(1).chunk(2)
        kl = F.kl_div(p, q, log_target=True, reduction="batchmean")
        kl = kl + F.kl_div(q, p, log_target=True, reduction="batchmean")
        loss = loss + rdrop * kl / 2
    return loss


def parameter_groups(model: SentimentClassifier, recipe: Recipe) -> list[dict[str, Any]]:
    """Return AdamW groups: layer-wise learning rates, no weight decay on biases and norms."""
    layers = [model.bert.embeddings, *model.bert.encoder.layer]
    rates = [recipe.learning_rate * recipe.layer_decay**i for i in range(len(layers))][::-1]
    groups: list[dict[str, Any]] = []
    for module, rate in [
        *zip(layers, rates, strict=True),
        (model.classifier, recipe.head_learning_rate),
    ]:
        parameters = [p for p in module.parameters() if p.requires_grad]
        matrices = [p for p in parameters if p.dim() > 1]
        vectors = [p for p in parameters if p.dim() == 1]
        groups.append({"params": matrices, "lr": rate, "weight_decay": recipe.weight_decay})
        groups.append({"params": vectors, "lr": rate, "weight_decay": 0.0})
    return groups


def taught(folder: Path, recipe: Recipe, reviews: Sequence[Example]) -> list[Example]:
    """Return the reviews' sentences with the teacher's P(positive); the label is the prior."""
    sentences = review_sentences(reviews)
    tokenizer = load_tokenizer(folder, recipe.max_tokens)
    logits = predict(SentimentClassifier(folder), tokenizer, sentences)
    sign = torch.tensor([2 * e.target - 1 for e in sentences])
    positive = torch.sigmoid(logits[:, 1] - logits[:, 0] + recipe.review_prior * sign)
    return [Example(e.text, p) for e, p in zip(sentences, positive.tolist(), strict=True)]


def with_targets(args: argparse.Namespace, recipe: Recipe, data: Data) -> Data:
    """Return the data with soft labels for its reviews, from the teacher if there is one."""
    if args.teacher:
        return dataclasses.replace(data, reviews=taught(args.teacher, recipe, data.reviews))
    reviews = [Example(e.text, REVIEW_TARGETS[int(e.target)]) for e in data.reviews]
    return dataclasses.replace(data, reviews=reviews)


class Run:
    """One stage of training. Its position is the step alone, so that it can be resumed."""

    def __init__(self, args: argparse.Namespace, data: Data) -> None:
        self.args, self.recipe = args, STAGES[args.stage]
        self.data = with_targets(args, self.recipe, data)
        torch.manual_seed(args.seed)
        self.model = SentimentClassifier(args.start[0], self.recipe.dropout)
        self.tokenizer = load_tokenizer(args.start[0], self.recipe.max_tokens)
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.model, self.recipe), betas=(0.9, 0.98), eps=1e-6, fused=True
        )
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.average = AveragedModel(self.model, multi_avg_fn=self.update_average)
        self.epoch_steps = len(self.epoch(0))
        self.steps = self.epoch_steps * self.recipe.epochs
        self.step = 0

    def update_average(self, averages: Any, weights: Any, _: object) -> None:
        """Update the exponential moving average of the weights."""
        for average, weight in zip(averages, weights, strict=True):
            average.lerp_(weight, 1 - self.recipe.ema_decay)

    def epoch(self, number: int) -> list[list[Example]]:
        rng = random.Random(f"{self.args.seed}/{number}")
        return epoch_batches(epoch_examples(self.recipe, self.data, rng), self.recipe.batch, rng)

    def batches(self) -> Iterator[list[Example]]:
        """Give the batches still to come. The seed and an epoch's number decide its batches."""
        for number in range(self.step // self.epoch_steps, self.recipe.epochs):
            yield from self.epoch(number)[self.step % self.epoch_steps :]

    def set_rates(self) -> None:
        """Set the rates of the step: linear warm-up, then linear decay."""
        warm = max(1, int(self.steps * self.recipe.warmup))
        left = (self.steps - self.step) / max(1, self.steps - warm)
        last = self.recipe.last_rate
        factor = min((self.step + 1) / warm, last + (1 - last) * left)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor

    def train_step(self, batch: list[Example]) -> float:
        self.set_rates()
        target = torch.tensor([e.target for e in batch])
        loss = loss_of(self.model, *encode(self.tokenizer, batch), target, self.recipe.rdrop)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.step += 1
        if self.step % self.recipe.ema_every == 0:
            self.average.update_parameters(self.model)
        return loss.item()

    def parts(self) -> dict[str, Any]:
        return {"model": self.model, "average": self.average, "optimizer": self.optimizer}

    def save_state(self) -> None:
        state = {name: part.state_dict() for name, part in self.parts().items()}
        self.args.out.mkdir(parents=True, exist_ok=True)
        partial = self.args.out / "state.part"
        torch.save({**state, "step": self.step, "rng": torch.get_rng_state()}, partial)
        partial.replace(self.args.out / "state.pt")

    def resume(self) -> None:
        state = torch.load(self.args.out / "state.pt", weights_only=True)
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
        self.step = state["step"]
        torch.set_rng_state(state["rng"])

    def report(self, loss: float, speed: float, dev: str) -> None:
        """Show a progress bar on a terminal, one line per step elsewhere."""
        line = f"step {self.step}/{self.steps} loss {loss:.4f} {speed:.0f} rows/s dev {dev}"
        bar = f"\r[{'#' * (30 * self.step // self.steps):30}] " if sys.stdout.isatty() else ""
        print(f"{bar}{line}", end="" if bar and self.step < self.steps else "\n", flush=True)

    def train(self) -> None:
        dev, seen, begin = "-", 0, time.monotonic()
        self.model.train()
        for batch in self.batches():
            loss = self.train_step(batch)
            seen += len(batch)
            if self.step % self.args.every == 0 or self.step == self.steps:
                self.save_state()
                logits = predict(self.average.module, self.tokenizer, self.data.dev)
                dev = figures(logits, self.data.dev)
            self.report(loss, seen / (time.monotonic() - begin), dev)
        save_model(self.average.module, self.args.start[0], self.args.out)


def temperature(logits: Tensor, examples: Sequence[Example]) -> float:
    """Find the temperature of least negative log-likelihood (Guo et al. 2017) on a grid."""
    label = torch.tensor([int(e.target > 0.5) for e in examples])
    grid = [1.02**i for i in range(-60, 61)]
    return min(grid, key=lambda t: F.cross_entropy(logits / t, label).item())


def average(args: argparse.Namespace, data: Data) -> None:
    """Save the mean of the models' weights (Wortsman et al. 2022), calibrated on held-back text."""
    models = [SentimentClassifier(folder) for folder in args.start]
    states = [model.state_dict() for model in models]
    soup, tokenizer = models[0], load_tokenizer(args.start[0], 256)
    # In double precision, so that the mean of the equal word tables is that table.
    mean = {k: torch.stack([s[k].double() for s in states]).mean(0) for k in states[0]}
    soup.load_state_dict(mean)
    value = temperature(predict(soup, tokenizer, data.held_sentences), data.held_sentences)
    # Dividing the last layer by the temperature divides the logits.
    for parameter in soup.classifier.out_proj.parameters():
        parameter.data /= value
    print(f"temperature {value:.3f}")
    for name in ("dev", "held_sentences", "held_reviews"):
        examples = getattr(data, name)
        print(name, figures(predict(soup, tokenizer, examples), examples))
    save_model(soup, args.start[0], args.out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stage", choices=[*STAGES, "average"])
    parser.add_argument("--start", type=Path, nargs="+", required=True, help="model folder(s)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the new model")
    parser.add_argument("--trees", type=Path, required=True, help="treebank training trees")
    parser.add_argument("--reviews", type=Path, required=True, help="review tails, .tsv[.gz]")
    parser.add_argument("--own", type=Path, nargs="+", required=True, help="own sentences, .tsv")
    parser.add_argument("--dev", type=Path, required=True, help="SST-2 dev set, .tsv")
    parser.add_argument("--teacher", type=Path, help="model that labels the reviews' sentences")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=300, help="steps between checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)
    if args.stage == "average":
        return average(args, read_data(args, LEVEL_TARGETS))
    run = Run(args, read_data(args, STAGES[args.stage].level_targets))
    if args.resume:
        run.resume()
    run.train()


if __name__ == "__main__":
    main()
