"""Messages in the admin, without their bodies."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from sessions_app import audit, commands
from sessions_app.admin.export import csv_answer
from sessions_app.admin.known_values import MsrpCodeFilter, SipCodeFilter
from sessions_app.admin.records import RecordAdmin
from sessions_app.admin.utc import utc
from sessions_app.api.serializers import MessageSerializer
from sessions_app.models import MessageRecord
from sessions_app.search import messages_with
from sessions_app.templatetags.gateway import ago, took

MOST_AT_ONCE: Final = 1000
"""Messages that one action takes."""

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
        "said",
        "size",
        "received",
        "took",
    ]
    list_filter = ["state", "direction", "received_at", SipCodeFilter, MsrpCodeFilter]
    search_fields = ["from_uri", "to_uri", "call_id", "message_id"]
    search_help_text = "Part of a URI or key; a whole Call-ID or Message-ID."
    ordering = ["-received_at", "-id"]
    sortable_by = ["received"]
    list_select_related: list[str] = []  # the list shows nothing of the session
    actions = ["retry_chosen", "export_csv"]

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

    @display(description="detail")
    def said(self, message: MessageRecord) -> str:
        """Why it failed."""
        return str(message.cause)

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
            "said",
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All that is shown."""
        return self.get_fields(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MessageRecord]:
        """Without bodies."""
        return super().get_queryset(request).defer("body")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By the indexes of the pages' search."""
        return (messages_with(queryset, search_term) if search_term else queryset), False

    # ------------------------------------------------------------------------- actions

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Whoever may retry."""
        return request.user.has_perm("sessions_app.retry_message")

    @admin.action(description="Retry the selected messages", permissions=["retry"])
    def retry_chosen(self, request: HttpRequest, chosen: QuerySet[MessageRecord]) -> HttpResponse | None:
        """Ask first; those that have not failed, or whose body is gone, are left out."""
        ready = list(
            chosen.filter(state__in=["failed", "expired"], body__isnull=False)
            .select_related("session")
            .order_by("received_at", "id")[:MOST_AT_ONCE]
        )
        if not ready:
            text = "None of these can be sent again: they have not failed, or their bodies are not kept."
            self.message_user(request, text, messages.WARNING)
            return None
        if "confirmed" not in request.POST:
            context: dict[str, Any] = {
                **self.admin_site.each_context(request),
                "title": "Retry messages",
                "opts": self.model._meta,
                "ready": ready,
                "shown": ready[:20],
                "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
                "media": self.media,
            }
            return TemplateResponse(request, "admin/retry_messages.html", context)
        batch, by = uuid.uuid4(), request.user.get_username()
        try:
            for message in ready:
                commands.retry_message(message, by, batch=batch)
        except commands.NoNode as why:
            self.message_user(request, str(why), messages.ERROR)
            return None
        audit.record(request, audit.Action.RETRY_MESSAGE, batch, f"{len(ready)} messages")
        return redirect("bulk-progress", batch=batch)

    @admin.action(description="Export the selected messages as CSV, without bodies", permissions=["view"])
    def export_csv(self, request: HttpRequest, chosen: QuerySet[MessageRecord]) -> StreamingHttpResponse:
        """Row by row."""
        return csv_answer(request, chosen, ("-received_at", "-id"), MessageSerializer.Meta.fields, "messages")
