"""Texts -> tokens, as Text Embeddings Inference shows them: how long a text is to a model.

The embeddings function has these routes too: it has the models' tokenizers open already.
"""

from starlette.requests import Request
from starlette.responses import Response

from shared.errors import Unsupported
from shared.http.answers import answer
from shared.http.body import json_object
from shared.http.computing import in_turn
from shared.http.dialects import tei
from shared.http.fields import flag, require, some, text_or_texts
from shared.http.routing import asked, post
from shared.inference.library import Library

embeddings, classification = Library("text-embeddings"), Library("text-classification")
MOST = 2048
MOST_CHARACTERS = 65_536  # all of them are read, however many tokens the model takes


async def tokenize(request: Request) -> Response:
    """{"inputs": str | [str], "add_special_tokens"?} -> [[{"id", "text", "special", ...}]]"""
    body = await json_object(request)
    name = asked(request)
    model = (classification if name and name in classification else embeddings).chosen(name)
    require(body, ["inputs"])
    texts = some(text_or_texts(body, "inputs", MOST), "inputs")
    given = sum(map(len, texts))
    if given > MOST_CHARACTERS:
        reason = f"At most {MOST_CHARACTERS} characters are tokenized in one request, got {given}."
        raise Unsupported("/inputs", reason)
    special = flag(body, "add_special_tokens") is not False
    lists = await in_turn(model.tokens, texts, special)
    return answer([[token._asdict() for token in tokens] for tokens in lists])


routes = post([tei.TOKENIZE], tokenize)
