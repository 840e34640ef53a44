"""One task, one file. Each has `app`, an ASGI application, and `handler`, a Lambda handler."""
