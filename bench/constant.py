"""The bare server: the same HTTP stack as the store's, answering every request with the same bytes."""

import sys
from typing import Any

import uvicorn

_BODY = b'{"ok":true,"id":"0123456789abcdef","rev":"1-0123456789abcdef0123456789abcdef"}\n'


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the body, answer."""
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", lifespan="off", log_config=None)
