"""Makes small models in folders as the Hub has them, and their numbers by the original libraries.

Needs torch 2.13.0, transformers 5.23.0, sentence-transformers 6.2.0 and onnx, which nothing else
here needs: `python tests/golden/make_added.py` in an environment that has them. Writes, for each
model, tests/fixtures/added/<name>/ with a graph that torch exported and the configuration that the
libraries wrote, and golden.json: the numbers that sentence-transformers' `encode`, or transformers'
text-classification pipeline, gives for each text alone, without padding.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer, models
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers import models as tokenizer_models
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2Model,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    TextClassificationPipeline,
)

ROOT = Path(__file__).parents[2]
ADDED = ROOT / "tests" / "fixtures" / "added"
# Lengths in tokens of all remainders by four, capital letters, and more than any limit below.
TEXTS = [
    "hello world",
    "hello big world",
    "A",
    "Hello WORLD in Berlin",
    "the llama sits below an orange cloud",
    "one two three four five six seven eight nine ten " * 2 + "eleven twelve",
]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
WIDTH, LAYERS, HEADS, POSITIONS = 16, 2, 2, 32
SIZE = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "intermediate_size": 2 * WIDTH}  # fmt: skip


def tokenizer(*, adds: bool = True, **special: str) -> PreTrainedTokenizerFast:
    """A cased WordPiece of the letters and some words, which adds <s> and </s> if `adds`."""
    words = "hello world big the llama sits below an orange cloud one two three four".split()
    letters = [chr(number) for base in "aA" for number in range(ord(base), ord(base) + 26)]
    pieces = [*SPECIAL, *words, *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokens = Tokenizer(tokenizer_models.WordPiece(vocabulary, unk_token="<unk>"))
    tokens.normalizer = normalizers.NFC()
    tokens.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if adds:
        template = [("<s>", vocabulary["<s>"]), ("</s>", vocabulary["</s>"])]
        tokens.post_processor = processors.TemplateProcessing("<s> $A </s>", None, template)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokens, unk_token="<unk>", model_max_length=POSITIONS, **special
    )


VOCABULARY = len(tokenizer())


def export(module: torch.nn.Module, path: Path, output: str) -> None:
    """input_ids and attention_mask of any size -> the output."""
    ids = torch.tensor([[0, 5, 6, 2], [0, 7, 2, 1]])
    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        module.eval(),
        (ids, (ids != 1).long()),
        path,
        input_names=["input_ids", "attention_mask"],
        output_names=[output],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, output: axes},
        dynamo=False,
        opset_version=17,
    )


class Part(torch.nn.Module):
    """One output of a model of transformers."""

    def __init__(self, model: torch.nn.Module, output: str) -> None:
        super().__init__()
        self.model, self.output = model, output

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = getattr(
            self.model(input_ids=input_ids, attention_mask=attention_mask), self.output
        )
        return found


def classifier(name: str, model: Any, tokens: PreTrainedTokenizerFast) -> None:
    folder = emptied(name)
    model.eval().save_pretrained(folder)
    tokens.save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    pipeline = TextClassificationPipeline(model=model, tokenizer=tokens, top_k=None)
    cases = [
        {"text": text, "scores": {each["label"]: each["score"] for each in pipeline([text])[0]}}
        for text in TEXTS[:-1]  # the pipeline truncates nothing
    ]
    export(Part(model, "logits"), folder / "model.onnx", "logits")
    finish(folder, cases)


def embedder(
    name: str, transformer: Any, tokens: Any, pooling: str, config: dict[str, Any], **how: Any
) -> None:
    """`config` goes into the Transformer's own configuration, under another of its names."""
    folder = emptied(name)
    normalize, renames, prompt = how.pop("normalize"), how.pop("renames"), how.pop("prompt", None)
    kind = how.pop("kind", "bert")
    with tempfile.TemporaryDirectory() as checkpoint:
        transformer.save_pretrained(checkpoint)
        tokens.save_pretrained(checkpoint)
        module = models.Transformer(checkpoint)
    modules = [module, models.Pooling(WIDTH, pooling)]
    SentenceTransformer(
        modules=modules + [models.Normalize()] * normalize, device="cpu", **how
    ).save(str(folder), create_model_card=False)
    for old, new in renames.items():
        move(folder, old, new)
    settings = folder / renames.get("", "") / "sentence_bert_config.json"
    content = json.loads(settings.read_text("utf-8")) | config
    settings.write_text(json.dumps(content, indent=1), "utf-8")
    settings.rename(settings.with_name(f"sentence_{kind}_config.json"))
    original = SentenceTransformer(str(folder), device="cpu")
    cases = [
        {"text": text, "prompt_name": name, "vector": vector(original, text, name)}
        for name in (None, prompt)[: 2 if prompt else 1]
        for text in TEXTS
    ]
    output = "last_hidden_state"
    export(Part(original[0].auto_model, output), folder / "model.onnx", output)
    for weights in folder.rglob("model.safetensors"):
        weights.unlink()
    finish(folder, cases)


def vector(original: SentenceTransformer, text: str, prompt: str | None) -> list[float]:
    numbers: list[float] = original.encode([text], prompt_name=prompt)[0].tolist()
    return numbers


def move(folder: Path, old: str, new: str) -> None:
    """Give a module another folder: all files of the first for "", and say so in modules.json."""
    path = folder / "modules.json"
    modules = json.loads(path.read_text("utf-8"))
    next(each for each in modules if each["path"] == old)["path"] = new
    if old:
        (folder / old).rename(folder / new)
    else:
        (folder / new).mkdir()
        for file in folder.glob("*.*"):
            if file.name not in ("modules.json", "config_sentence_transformers.json"):
                file.rename(folder / new / file.name)
    path.write_text(json.dumps(modules, indent=1), "utf-8")


def emptied(name: str) -> Path:
    shutil.rmtree(ADDED / name, ignore_errors=True)
    (ADDED / name).mkdir(parents=True)
    return ADDED / name


def finish(folder: Path, cases: list[dict[str, Any]]) -> None:
    (folder / "golden.json").write_text(json.dumps(cases, indent=1) + "\n", "utf-8")


def bert(labels: int, problem_type: str | None) -> BertForSequenceClassification:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=VOCABULARY, max_position_embeddings=POSITIONS, num_labels=labels,
        problem_type=problem_type, pad_token_id=1, initializer_range=0.5, **SIZE,
    )  # fmt: skip
    return BertForSequenceClassification(config)


def gpt2(kind: Any, **more: Any) -> Any:
    torch.manual_seed(2)
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=POSITIONS, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
        bos_token_id=0, eos_token_id=2, initializer_range=0.5, attn_implementation="eager", **more,
    )  # fmt: skip
    return kind(config)


def main() -> None:
    tokens = tokenizer(pad_token="<pad>")
    classifier("last-token-classifier", gpt2(GPT2ForSequenceClassification, num_labels=3,
               pad_token_id=VOCABULARY - 1), tokenizer(adds=False))  # fmt: skip
    classifier("regression", bert(3, "regression"), tokens)
    classifier("multi-label", bert(3, "multi_label_classification"), tokens)
    classifier("one-label", bert(1, None), tokens)
    torch.manual_seed(3)
    roberta = RobertaModel(
        RobertaConfig(
            vocab_size=VOCABULARY, max_position_embeddings=POSITIONS + 2, type_vocab_size=1,
            pad_token_id=1, initializer_range=0.5, attn_implementation="eager", **SIZE,
        ),
        add_pooling_layer=False,
    )  # fmt: skip
    embedder(
        "lower-cased", roberta, tokens, "mean", {"do_lower_case": True, "max_seq_length": 18},
        normalize=True, renames={"": "0_Transformer", "1_Pooling": "the pooling"},
        prompts={"query": "the query"}, default_prompt_name="query",
        kind="roberta",
    )  # fmt: skip
    embedder(
        "last-token-embedder", gpt2(GPT2Model), tokens, "lasttoken", {},
        normalize=False, renames={}, prompts={"query": "the query "}, prompt="query",
    )  # fmt: skip


if __name__ == "__main__":
    with torch.inference_mode():
        main()
