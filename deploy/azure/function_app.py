"""Serve textfn on Azure Functions (Python v2 programming model): one function for every path."""

from azure.functions import AsgiFunctionApp, AuthLevel

from functions.local import app as textfn
from shared.http import access
from shared.settings import settings

# Azure has no loopback address: without an API token or TEXTFN_AUTH=none the start stops here.
access.require_protection(loopback=False, settings=settings)

# Azure's own keys (x-functions-key, ?code=) stay off, because no client of these APIs sends them.
# textfn checks the API token itself. The models are open by now, so the lifespan that Azure starts
# with the first request has nothing to do.
app = AsgiFunctionApp(textfn, http_auth_level=AuthLevel.ANONYMOUS, function_name="textfn")
