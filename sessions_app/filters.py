"""What the sessions and failures pages can be narrowed by."""

from __future__ import annotations

import django_filters
from django import forms
from django.db.models import Q, QuerySet

from sessions_app.models import GatewaySession, SetupFailure


def _search_box(label: str) -> forms.TextInput:
    return forms.TextInput(attrs={"type": "search", "placeholder": label, "autocomplete": "off"})


class SessionPageFilter(django_filters.FilterSet):
    """The sessions page."""

    q = django_filters.CharFilter(
        label="Search", method="search", widget=_search_box("Part of a URI, key or Call-ID"), max_length=200
    )
    state = django_filters.ChoiceFilter(choices=GatewaySession.State, empty_label="Any state")
    initiator = django_filters.ChoiceFilter(
        choices=GatewaySession.Initiator, label="Begun by", empty_label="Either side"
    )
    sort = django_filters.ChoiceFilter(
        label="Sort",
        method="order",
        empty_label="Newest first",
        choices=[("oldest", "Oldest first"), ("active", "Latest message first"), ("undelivered", "Most undelivered")],
    )

    class Meta:
        model = GatewaySession
        fields: list[str] = []

    def search(self, sessions: QuerySet[GatewaySession], name: str, text: str) -> QuerySet[GatewaySession]:
        """Any of the texts that name a session."""
        text = text.strip()
        found = Q()
        for field in ("key", "from_uri", "to_uri", "ruri", "call_id", "local_path", "peer_path"):
            found |= Q(**{f"{field}__icontains": text})
        return sessions.filter(found)

    def order(self, sessions: QuerySet[GatewaySession], name: str, wish: str) -> QuerySet[GatewaySession]:
        """Other orders than newest first."""
        orders = {
            "oldest": ("created_at", "id"),
            "active": ("-last_message_at", "-id"),
            "undelivered": ("-undelivered", "-created_at", "-id"),
        }
        return sessions.order_by(*orders[wish])


class FailurePageFilter(django_filters.FilterSet):
    """The page of failed set-ups."""

    q = django_filters.CharFilter(
        label="Search", method="search", widget=_search_box("Part of a URI, key or reason"), max_length=200
    )
    code = django_filters.NumberFilter(
        label="Code", widget=forms.NumberInput(attrs={"placeholder": "Code", "min": 300, "max": 699})
    )

    class Meta:
        model = SetupFailure
        fields: list[str] = []

    def search(self, failures: QuerySet[SetupFailure], name: str, text: str) -> QuerySet[SetupFailure]:
        """Any of the texts of a failure."""
        text = text.strip()
        found = Q()
        for field in ("key", "from_uri", "to_uri", "ruri", "reason", "detail"):
            found |= Q(**{f"{field}__icontains": text})
        return failures.filter(found)
