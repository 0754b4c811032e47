"""How lists are cut into pages: by sort key, with a cursor, so that the last page costs what the first does."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from sessions_app import keyset

DEFAULT, MOST = 50, 500


class Cursor(BasePagination):
    """``next`` and ``previous`` are addresses, null where there is nothing more; ``limit`` is 1 to 500."""

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any]:
        """The rows of the page. Raises NotFound for a cursor that leads nowhere, ValidationError for a bad limit."""
        self._request = request
        order = view.order_of(queryset)
        try:
            self.page = keyset.page(queryset, order, request.query_params.get("cursor", ""), self._limit(request))
        except keyset.BadCursor:
            raise NotFound("There is no such page: this is no cursor of this list and order.")
        return self.page.rows

    def _limit(self, request: Request) -> int:
        text = request.query_params.get("limit")
        if text is None:
            return DEFAULT
        if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST):
            raise ValidationError({"limit": [f"A number from 1 to {MOST}."]})
        return int(text)

    def get_paginated_response(self, data: Any) -> Response:
        """The page with the ways to those beside it."""
        return Response(
            {"next": self._address(self.page.next), "previous": self._address(self.page.previous), "results": data}
        )

    def _address(self, cursor: str) -> str | None:
        if not cursor:
            return None
        return replace_query_param(remove_query_param(self._request.build_absolute_uri(), "cursor"), "cursor", cursor)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The same, for the OpenAPI document."""
        address = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**address, "example": "http://127.0.0.1:8000/api/v1/sessions/?cursor=WzAsIjIw"},
                "previous": address,
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Its two parameters."""
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Where the page begins: taken from `next` or `previous`.",
                "schema": {"type": "string"},
                "example": "WzAsIjIw",
            },
            {
                "name": "limit",
                "in": "query",
                "required": False,
                "description": "Rows of a page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT},
            },
        ]
