"""How lists are cut into pages: `page` and `page_size`, and a count that is bounded."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response

from sessions_app.pagination import COUNT_LIMIT, BoundedPaginator


class Pages(PageNumberPagination):
    """`count` is exact up to COUNT_LIMIT rows; `next` leads on until there are no more."""

    django_paginator_class = BoundedPaginator
    page_size_query_param = "page_size"
    max_page_size = 500

    def get_paginated_response(self, data: Any) -> Response:
        """Tells beside the count whether it is all."""
        response = super().get_paginated_response(data)
        response.data["count_exact"] = self.page.paginator.exact
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The same, for the OpenAPI document."""
        described = super().get_paginated_response_schema(schema)
        described["properties"]["count"]["description"] = f"Rows that match, at most {COUNT_LIMIT}."
        described["properties"]["count_exact"] = {
            "type": "boolean",
            "description": "False where there are more rows than `count` says.",
        }
        return described
