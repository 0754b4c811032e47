"""Messages in the admin, without their bodies."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from sessions_app.admin.known_values import MsrpCodeFilter, SipCodeFilter
from sessions_app.admin.records import RecordAdmin
from sessions_app.admin.utc import utc
from sessions_app.models import MessageRecord
from sessions_app.templatetags.gateway import ago, took

STATE_LABELS = {
    "delivered": "success",
    "pending": "warning",
    "accepted": "info",
    "failed": "danger",
    "expired": "danger",
}


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

    @display(description="on its page")
    def page(self, message: MessageRecord) -> SafeString:
        """What happened in words, retry, and the body for whoever may read it."""
        return format_html('<a href="{}">What happened, retry, body</a>', reverse("message-detail", args=[message.pk]))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Never the body: reading one is put on the audit trail, so its page asks for it by a button."""
        return [
            "page",
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

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All that is shown."""
        return self.get_fields(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MessageRecord]:
        """Without bodies."""
        return super().get_queryset(request).defer("body")
