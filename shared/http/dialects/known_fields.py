"""The fields of a request that change the numbers, and whether a route serves them.

A field that is dropped without a word changes the numbers without a word. So a route refuses every
field below that it does not serve, wherever the request has it. A field that no original knows is
ignored.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from shared.errors import Unsupported


class Refusal(NamedTuple):
    """`reason` follows the field's name in the error, `advice` ends it.

    `done_anyway` are values that ask for what a route does without the field.
    """

    reason: str
    done_anyway: tuple[object, ...] = ()
    advice: str = "Remove the field."


class FieldRules(NamedTuple):
    """The fields of one task in one dialect.

    `served` are read. `harmless` are known to an original and change no number of this task.
    `parameters` says that the object `parameters` is read like the body itself.
    """

    served: Collection[str]
    harmless: Collection[str] = ()
    parameters: bool = False


ZERO_SHOT = Refusal("asks for zero-shot classification, which no model here does")
PROMPT = Refusal("is set; this route puts no prompt of a request before texts")
LABELS = Refusal("chooses among scores of labels, which this route does not do")
LENGTH = Refusal("sets a length, but a model here has one fixed limit of tokens")
TRUNCATED = Refusal("is not a field of this route, which truncates long texts", (True,))
QUEUED = "asks for a queued batch; this service has no queue"
ORDINARY = "Send the texts in ordinary requests."

REFUSED: dict[str, Refusal] = {
    "candidate_labels": ZERO_SHOT,
    "hypothesis_template": ZERO_SHOT,
    "multi_label": ZERO_SHOT,
    "multi_class": ZERO_SHOT,
    "text_pair": Refusal("asks for a pair of texts; this service takes single texts"),
    "prompt": PROMPT,
    "prompt_name": PROMPT,
    "instruction": PROMPT,
    "pooling": Refusal("is not a field of this route, which has one pooling per model"),
    "normalize": Refusal("is not a field of this route"),
    "dimensions": Refusal("is not a field of this route"),
    "encoding_format": Refusal("is not a field of this route, which returns floats", ("float",)),
    "truncate": TRUNCATED,
    "truncate_inputs": TRUNCATED,
    "truncation": TRUNCATED._replace(done_anyway=(True, "longest_first", "only_first")),
    "truncation_direction": TRUNCATED._replace(
        reason="is not a field of this route, which truncates on the right",
        done_anyway=("right", "Right"),
    ),
    "max_length": LENGTH,
    "truncate_prompt_tokens": LENGTH,
    "add_special_tokens": Refusal(
        "is not a field of this route, which adds special tokens", (True,)
    ),
    "top_k": LABELS,
    "function_to_apply": LABELS,
    "return_all_scores": LABELS._replace(done_anyway=(True,)),
    "raw_scores": LABELS._replace(done_anyway=(False,)),
    "requests": Refusal(QUEUED, advice=ORDINARY),
    "request_id": Refusal(QUEUED, advice=ORDINARY),
    "queueRequest": Refusal(QUEUED, (False, "false"), ORDINARY),
    "model": Refusal(
        "is in the body; this route reads it in the URL", advice="Name the model in the URL."
    ),
}
# Fields of the originals that change no number on any route.
HARMLESS = frozenset(
    {
        # Options of the call, of which the cache's is served by the computing itself.
        *("user", "options", "parameters", "use_cache", "wait_for_model", "use_gpu"),
        *("rejectIfBusy", "padding", "return_text"),
        # Texts in another API's words: a route reads its own, and refuses a request without them.
        *("text", "input", "inputs", "source", "sentences", "source_sentence", "sourceSentence"),
        *("query", "contexts", "texts", "queries", "documents", "ids"),
        # No model here has an asymmetric mode: a query and a document are embedded alike.
        "input_type",
    }
)


def check_fields(body: Mapping[str, Any], query: Mapping[str, str], rules: FieldRules) -> None:
    """Raise Unsupported for a field that would change the numbers and is not served.

    Looks in the body, in its `parameters`, `options` and objects among `inputs`, and in the query.
    A model in the query answers, whatever the body says.
    """
    named = ("model",) if query.get("model") else ()
    _check("", body, rules, (*rules.served, *named))
    _check("/parameters", body.get("parameters"), rules, rules.served if rules.parameters else ())
    _check("/options", body.get("options"), rules, ())
    _check("", query, rules, ("model",))
    inputs = body.get("inputs")
    _check("/inputs", inputs, rules, ())
    for index, each in enumerate(inputs if isinstance(inputs, list) else ()):
        _check(f"/inputs/{index}", each, rules, ())


def _check(place: str, fields: object, rules: FieldRules, read: Collection[str]) -> None:
    for name, value in fields.items() if isinstance(fields, Mapping) else ():
        ignored = name in rules.harmless or name in read or value is None
        if ignored or name not in REFUSED or value in REFUSED[name].done_anyway:
            continue
        reason, _, advice = REFUSED[name]
        if name in rules.served:
            reason = f"is in {_words(place)}, where this route does not read it"
            advice = "Send it beside the texts."
        raise Unsupported(f"{place}/{name}", f"'{name}' {reason}. {advice}")


def _words(place: str) -> str:
    return f"'{place.strip('/')}'" if place else "the query"
