"""textfn on Azure Functions, Python v2 programming model: one function that answers every path."""

from azure.functions import AsgiFunctionApp, AuthLevel

from functions.local import open_app
from shared.settings import Settings

# There is no loopback on Azure: without an API token, or TEXTFN_AUTH=none, nothing starts.
textfn = open_app(Settings.read(), loopback=False)

# Azure's own keys (x-functions-key, ?code=) stay off, since no client of these APIs sends them;
# textfn checks the API token itself. The models are open by now, so the lifespan that Azure starts
# with the first request has nothing to do.
app = AsgiFunctionApp(textfn, http_auth_level=AuthLevel.ANONYMOUS, function_name="textfn")
