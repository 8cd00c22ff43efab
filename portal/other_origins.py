"""Pages of other origins that may read the API and the open data in a browser: only those a setting names."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

PUBLIC = ("/api/", "/open/")


class OtherOrigins(CORSMiddleware):
    """Without cookies: another origin's page sees what is public, or what its own key opens."""

    def __init__(self, app: ASGIApp, allow_origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=allow_origins,
            allow_methods=("GET", "HEAD"),
            allow_headers=("Authorization", "If-None-Match"),
            expose_headers=("ETag", "Link", "Retry-After"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PUBLIC):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)
