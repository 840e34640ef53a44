"""Texts -> tokens, as Text Embeddings Inference shows them.

The embeddings function answers this form, because it has the tokenizers open already.
"""

from starlette.requests import Request
from starlette.responses import Response

from functions.opened import models
from shared.errors import Unsupported
from shared.http.answers import answer
from shared.http.fields import MOST_TEXTS, Fields
from shared.http.routing import model_name, reads
from shared.http.service import service

MOST_CHARACTERS = 65_536  # per request: all are tokenized, also those beyond the model's limit


@reads("tokenize")
async def tokenize(request: Request, fields: Fields) -> Response:
    """{"inputs": str | [str], "add_special_tokens"?} -> [[{"id", "text", "special", ...}]]"""
    name, classification = model_name(request), models(request, "text-classification")
    is_classifier = name is not None and name in classification
    model = (classification if is_classifier else models(request, "text-embeddings"))[name]
    fields.require(["inputs"])
    texts = fields.text_or_some_texts("inputs", MOST_TEXTS)
    given = sum(map(len, texts))
    if given > MOST_CHARACTERS:
        reason = f"'inputs' has {given} characters; send at most {MOST_CHARACTERS} in one request."
        raise Unsupported("/inputs", reason)
    special = fields.flag("add_special_tokens") is not False
    lists = await service(request).host.call(lambda: model.tokens(texts, special))
    return answer([[token._asdict() for token in tokens] for tokens in lists])
