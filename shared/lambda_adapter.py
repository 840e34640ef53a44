"""An ASGI application as a Lambda handler."""

from typing import Any

from mangum import Mangum
from starlette.applications import Starlette

from shared import access
from shared.settings import ON_LAMBDA, settings


def lambda_handler(app: Starlette) -> Any:
    """`handler(event, context)`. Raises NotProtected on Lambda where no token is set.

    Lifespan is off because Mangum would run it on every invocation; models are opened at import.
    """
    access.require_protection(not ON_LAMBDA, settings)
    return Mangum(app, lifespan="off")
