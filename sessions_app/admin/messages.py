"""Messages in the admin. A body is kept only while it is owed, and shown only to superusers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from sessions_app.admin.known_values import MsrpCodeFilter, SipCodeFilter
from sessions_app.admin.records import RecordAdmin
from sessions_app.admin.utc import utc
from sessions_app.models import MessageRecord
from sessions_app.templatetags.gateway import ago, took

STATE_LABELS = {"delivered": "success", "pending": "warning", "accepted": "info", "failed": "danger"}
SHOWN = 10_000
"""Octets of a body that are shown."""


@admin.register(MessageRecord)
class MessageAdmin(RecordAdmin):
    """Messages: look and search."""

    list_display = [
        "state_label",
        "direction",
        "sides",
        "sip_code",
        "msrp_code",
        "detail",
        "size",
        "received",
        "took",
    ]
    list_filter = ["state", "direction", "received_at", SipCodeFilter, MsrpCodeFilter]
    search_fields = ["from_uri", "to_uri", "call_id", "message_id"]
    search_help_text = "Part of a URI, the Call-ID or the Message-ID."
    ordering = ["-received_at", "-id"]
    sortable_by = ["received"]
    list_select_related: list[str] = []  # the list shows nothing of the session

    arrived = utc("received_at")
    finished = utc("finished_at")

    @display(description="from, to")
    def sides(self, message: MessageRecord) -> SafeString:
        """Both sides, one under the other."""
        return format_html("{}<br>{}", message.from_uri, message.to_uri)

    @display(description="state", label=STATE_LABELS, ordering="state")
    def state_label(self, message: MessageRecord) -> tuple[str, str]:
        """The state in words, coloured by its value."""
        return message.state, message.get_state_display()

    @display(description="received", ordering="received_at")
    def received(self, message: MessageRecord) -> SafeString | str:
        """How long ago; the exact time on hover."""
        return ago(message.received_at)

    @display(description="took")
    def took(self, message: MessageRecord) -> str:
        """Time to the outcome."""
        return took(message)

    @display(description="body")
    def shown_body(self, message: MessageRecord) -> str:
        """The body while it is kept, as text."""
        if message.body is None:
            return "Not kept: nobody is owed this message any more."
        body = bytes(message.body)
        return body[:SHOWN].decode("utf-8", "replace") + ("…" if len(body) > SHOWN else "")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The body is for superusers."""
        fields = [
            "session",
            "direction",
            "state",
            "from_uri",
            "to_uri",
            "call_id",
            "message_id",
            "content_type",
            "size",
            "arrived",
            "finished",
            "sip_code",
            "msrp_code",
            "detail",
        ]
        return [*fields, "shown_body"] if request.user.is_superuser else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All that is shown."""
        return self.get_fields(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MessageRecord]:
        """Bodies are read only where they are shown."""
        messages = super().get_queryset(request)
        match = request.resolver_match
        whole = match is not None and match.url_name.endswith("_change") and request.user.is_superuser
        return messages.select_related("session") if whole else messages.defer("body")
