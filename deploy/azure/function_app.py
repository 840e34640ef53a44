"""textfn on Azure Functions, Python v2 programming model: one function that answers every path."""

from azure.functions import AsgiFunctionApp, AuthLevel

from functions.local import app as textfn
from shared.http import access
from shared.settings import settings

# There is no loopback on Azure: without a token, or TEXTFN_AUTH=none, nothing starts.
access.require_protection(loopback=False, settings=settings)

# Azure's own keys (x-functions-key, ?code=) stay off, since no client of these APIs sends them;
# textfn checks the bearer token itself. Models are open by now: the lifespan that Azure starts with
# the first request has nothing to do.
app = AsgiFunctionApp(textfn, http_auth_level=AuthLevel.ANONYMOUS, function_name="textfn")
