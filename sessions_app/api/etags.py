"""ETags: a GET is answered 304 where the reader has the same already (RFC 9110 s13.1.2).

For programs that know what they have: no cache may keep an answer (:mod:`sessions_app.policy`).
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.utils.cache import get_conditional_response
from rest_framework.request import Request
from rest_framework.response import Response


class Conditional:
    """Adds an ETag of the content to every successful GET of a view, and honours If-None-Match."""

    def may_keep(self, response: Response) -> bool:
        """Whether a reader is to know it again at all: not a body, of which each reading is an act of its own."""
        return response.get("Cache-Control") != "no-store"

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Any:
        """Rendered here, because the tag is of the octets."""
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        if (
            request.method not in ("GET", "HEAD")
            or response.status_code != 200
            or response.streaming
            or not self.may_keep(response)
        ):
            return response
        response.render()
        tag = f'"{hashlib.blake2b(response.content, digest_size=12).hexdigest()}"'
        response["ETag"] = tag
        return get_conditional_response(request._request, etag=tag, response=response)
