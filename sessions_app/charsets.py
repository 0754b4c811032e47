"""Requests are in UTF-8, which is what our pages post and what JSON is (RFC 8259 s8.1).

Django decodes a form by whatever codec of Python's the request names, and some of those (bz2, idna, undefined) are none
for text, which shows only in the middle of it.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

_UTF8: Final = frozenset({"utf-8", "ascii"})


class Utf8Only:
    """A middleware that answers 400 to a form, or anything that is not JSON, in another charset."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Where it is JSON, the charset has no meaning (RFC 8259 s11)."""
        if request.encoding is not None and codecs.lookup(request.encoding).name not in _UTF8:
            if request.content_type != "application/json":
                return HttpResponse("The charset is utf-8.\n", status=400, content_type="text/plain")
            request.encoding = None
        return self.get_response(request)
