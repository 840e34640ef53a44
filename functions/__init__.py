"""One file per task. Each has `app`, an ASGI application, and `handler`, a Lambda handler."""
