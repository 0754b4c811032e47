"""Filters of the admin that know their choices, where Django would read a whole table to find them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from sessions_app.models import Node, Route
from sessions_app.search import with_sip_code

MOST = 50
"""Choices of a filter; each is 300 octets of the page. The address takes any."""
COMMON_CODES = (403, 404, 408, 415, 480, 481, 486, 487, 488, 500, 503, 603)


class _Known(admin.SimpleListFilter):
    """One column and its values."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows with the chosen value."""
        return queryset if self.value() is None else queryset.filter(**{self.parameter_name: self.value()})


class NodeFilter(_Known):
    """Gateway processes that there have been."""

    title = parameter_name = "node"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """By name."""
        return [(name, name) for name in Node.objects.values_list("name", flat=True)[:MOST]]


class RouteFilter(_Known):
    """Routes that there are."""

    title = parameter_name = "route"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """By name."""
        return [(name, name) for name in Route.objects.values_list("name", flat=True)[:MOST]]


class LayerFilter(_Known):
    """Where in the protocols a set-up failed."""

    title = parameter_name = "layer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those that the gateway writes."""
        return [(name, name) for name in ("sip", "sdp", "tcp", "tls", "msrp", "dns", "timer", "policy")]


class LegFilter(_Known):
    """The side on which a set-up failed."""

    title = parameter_name = "leg"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those that the gateway writes."""
        return [(name, name) for name in ("msrp", "message", "gateway")]


class CodeFilter(admin.SimpleListFilter):
    """A status code: none, a class, or one of the common ones. ``?code=482`` in the address takes any."""

    title = parameter_name = "code"
    classes = (3, 4, 5, 6)
    absent = "no reply"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices, and the code that the address asks for."""
        codes = {*COMMON_CODES}
        if (asked := request.GET.get(self.parameter_name, "")).isdigit():
            codes.add(int(asked))
        return [
            ("none", self.absent),
            *((f"{number}xx", f"{number}xx") for number in self.classes),
            *((str(code), str(code)) for code in sorted(codes)),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows with the chosen code or class."""
        value, field = self.value(), self.parameter_name
        if value == "none":
            return queryset.filter(**{f"{field}__isnull": True})
        if value and value.endswith("xx") and value[0].isdigit():
            first = int(value[0]) * 100
            return queryset.filter(**{f"{field}__gte": first, f"{field}__lt": first + 100})
        if value and value.isdigit() and len(value) == 3:
            return queryset.filter(with_sip_code(int(value)) if field == "sip_code" else Q(**{field: int(value)}))
        return queryset


class SipCodeFilter(CodeFilter):
    """Final answer on the message side."""

    title = "SIP code"
    parameter_name = "sip_code"
    classes = (2, 3, 4, 5, 6)
    absent = "none came"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows with the chosen code or class; without any, those that failed so: what waits has none yet."""
        if self.value() == "none":
            queryset = queryset.filter(state__in=["failed", "expired"])
        return super().queryset(request, queryset)


class MsrpCodeFilter(SipCodeFilter):
    """Answer or report on the MSRP side."""

    title = "MSRP code"
    parameter_name = "msrp_code"
    classes = (2, 4, 5)
