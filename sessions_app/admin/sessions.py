"""Sessions in the admin, and the action that ends them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from sessions_app import audit, commands
from sessions_app.admin.export import csv_answer
from sessions_app.admin.known_values import NodeFilter, RouteFilter
from sessions_app.admin.records import LatestInline, RecordAdmin
from sessions_app.admin.utc import utc
from sessions_app.api.serializers import SessionSerializer
from sessions_app.models import GatewaySession, MessageRecord, SessionEvent, SetupFailure
from sessions_app.search import sessions_with
from sessions_app.templatetags.gateway import ago, lasted

MOST_AT_ONCE = 1000
"""Sessions that one action ends."""

STATE_LABELS = {"live": "success", "setting_up": "warning", "failed": "danger", "ended": "info"}


class MessageInline(LatestInline):
    """The latest messages, without their bodies."""

    model = MessageRecord
    fields = readonly_fields = [
        "received",
        "direction",
        "state",
        "sip_code",
        "msrp_code",
        "content_type",
        "size",
        "detail",
    ]
    ordering = ["-received_at", "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[MessageRecord]:
        """Bodies stay where they are."""
        return super().get_queryset(request).defer("body")

    received = utc("received_at")


class FailureInline(LatestInline):
    """The failed set-up."""

    model = SetupFailure
    fields = readonly_fields = ["created", "code", "reason", "leg", "layer", "detail", "answered", "waiting"]
    ordering = ["-created_at"]

    created = utc("created_at", "time")


class EventInline(LatestInline):
    """Steps of the session's life."""

    model = SessionEvent
    fields = readonly_fields = ["when", "kind", "detail"]
    ordering = ["at", "id"]
    show_change_link = False

    when = utc("at", "time")


@admin.register(GatewaySession)
class SessionAdmin(RecordAdmin):
    """Sessions: look, search, end."""

    list_display = [
        "state_label",
        "key",
        "initiator",
        "sides",
        "sent",
        "received",
        "undelivered",
        "created",
        "age",
        "node",
        "route",
    ]
    list_display_links = ["key"]
    list_per_page = 40
    list_filter = ["state", "initiator", "created_at", NodeFilter, RouteFilter]
    search_fields = ["key", "from_uri", "to_uri", "call_id", "local_path", "peer_path"]
    search_help_text = "Part of the key, a URI, the Call-ID or an MSRP path."
    ordering = ["-created_at", "-id"]
    sortable_by = ["created"]
    actions = ["end_sessions", "export_csv"]
    inlines = [MessageInline, FailureInline, EventInline]
    fieldsets = [
        (
            None,
            {"fields": ["key", "state", "initiator", "end_reason", "began", "established", "ended", "age"]},
        ),
        (
            "Message side",
            {"fields": ["from_uri", "to_uri", "ruri", "source", "back_hop", "to_msrp", "last_message"]},
        ),
        (
            "MSRP side",
            {
                "fields": [
                    "call_id",
                    "local_path",
                    "peer_path",
                    "content_types",
                    "next_hop",
                    "to_page",
                    "last_send",
                ]
            },
        ),
        ("Gateway", {"fields": ["id", "route", "node", "bucket", "undelivered", "dialog"], "classes": ["collapse"]}),
    ]
    readonly_fields = ["id", "age", "began", "established", "ended", "last_message", "last_send"]

    began = utc("created_at")
    established = utc("established_at")
    ended = utc("ended_at")
    last_message = utc("last_message_at", "last sign")
    last_send = utc("last_send_at", "last sign")

    @display(description="from, to")
    def sides(self, session: GatewaySession) -> SafeString:
        """Both sides, one under the other."""
        return format_html("{}<br>{}", session.from_uri, session.to_uri)

    @display(description="to MSRP")
    def sent(self, session: GatewaySession) -> int:
        """Messages to the MSRP side."""
        return session.to_msrp

    @display(description="to SIP")
    def received(self, session: GatewaySession) -> int:
        """Messages to the message side."""
        return session.to_page

    @display(description="state", label=STATE_LABELS, ordering="state")
    def state_label(self, session: GatewaySession) -> tuple[str, str]:
        """The state in words, coloured by its value."""
        return session.state, session.get_state_display()

    @display(description="created", ordering="created_at")
    def created(self, session: GatewaySession) -> SafeString | str:
        """How long ago; the exact time on hover."""
        return ago(session.created_at)

    @display(description="age")
    def age(self, session: GatewaySession) -> str:
        """How long it lasted, or has lasted."""
        return lasted(session)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GatewaySession]:
        """Dialog state is only for a session's own page."""
        sessions = super().get_queryset(request)
        match = request.resolver_match
        return sessions.defer("dialog") if match and match.url_name.endswith("_changelist") else sessions

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Whoever may change sessions may end them."""
        return request.user.has_perm("sessions_app.change_gatewaysession")

    @admin.action(description="End the selected sessions", permissions=["end"])
    def end_sessions(self, request: HttpRequest, chosen: QuerySet[GatewaySession]) -> HttpResponse | None:
        """Ask once, then tell the owners of those that live."""
        live = list(chosen.filter(ended_at=None).defer("dialog")[: MOST_AT_ONCE + 1])
        more = len(live) > MOST_AT_ONCE
        live = live[:MOST_AT_ONCE]
        if not live:
            self.message_user(request, "None of these sessions is live.", messages.WARNING)
            return None
        if request.POST.get("confirmed") != "yes":
            return self._confirmation(request, live, more)
        for session in live:
            commands.end_session(session, by=request.user.get_username())
            audit.record(request, audit.Action.END_SESSION, session.pk, session.key)
        told = f"{len(live)} session{'' if len(live) == 1 else 's'}"
        self.message_user(request, f"Asked for the end of {told}; the list shows it within seconds.", messages.SUCCESS)
        return None

    @admin.action(description="Export the selected sessions as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, chosen: QuerySet[GatewaySession]) -> StreamingHttpResponse:
        """Row by row."""
        return csv_answer(request, chosen, ("-created_at", "-id"), SessionSerializer.Meta.fields, "sessions")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By the indexes of the pages' search."""
        return sessions_with(queryset, search_term), False

    def _confirmation(self, request: HttpRequest, live: list[GatewaySession], more: bool) -> HttpResponse:
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "End sessions",
            "opts": self.model._meta,
            "live": live,
            "shown": live[:20],
            "most": MOST_AT_ONCE if more else None,
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/end_sessions.html", context)
