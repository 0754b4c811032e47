"""The list of messages, one message with its story, and its body for whoever may read it."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST
from django.views.generic import DetailView

from sessions_app import causes
from sessions_app.api.serializers import MessageSerializer
from sessions_app.filters import MessageFilter
from sessions_app.models import Acknowledgement, MessageRecord, NodeCommand
from sessions_app.pages import bodies
from sessions_app.pages.lists import Export, FilteredList, MayLook

MESSAGES: Final = MessageRecord.objects.defer("body")
MAY_LOOK: Final = "sessions_app.view_messagerecord"
BROKEN: Final = frozenset({MessageRecord.State.FAILED, MessageRecord.State.EXPIRED})


class MessageList(FilteredList):
    """Messages, newest first, without bodies."""

    queryset = MESSAGES
    filterset_class = MessageFilter
    permission_required = MAY_LOOK
    template_name = "sessions_app/message_list.html"
    rows_name = "message_records"
    export = "message-export"
    extra_context = {"nav": "messages"}


class MessageExport(Export):
    """What the list shows, as a file; without bodies."""

    queryset = MESSAGES
    filterset_class = MessageFilter
    permission_required = MAY_LOOK
    columns = MessageSerializer.Meta.fields
    name = "messages"


class MessageDetail(MayLook, DetailView):
    """One message: what became of it, in words, and what can be done."""

    queryset = MESSAGES.select_related("session")
    permission_required = MAY_LOOK
    template_name = "sessions_app/message_detail.html"
    context_object_name = "message"
    extra_context = {"nav": "messages"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The cause where it failed, the note, and what was tried since."""
        context = super().get_context_data(**kwargs)
        message = self.object
        context["kept"] = MessageRecord.objects.filter(pk=message.pk, body__isnull=False).exists()
        context["note"] = Acknowledgement.objects.filter(record=message.pk).first()
        context["broken"] = message.state in BROKEN
        if context["broken"]:
            context["told"] = causes.tell(message.cause)
        context["retries"] = list(
            NodeCommand.objects.filter(verb="retry_message", argument__message=str(message.pk)).order_by("-id")[:10]
        )
        context["under_way"] = any(command.done_at is None for command in context["retries"])
        return context


@login_required
@require_POST
def reveal_body(request: HttpRequest, pk: str) -> HttpResponse:
    """Show the body, once, and put that on the audit trail."""
    message = get_object_or_404(MESSAGES, pk=pk)
    body = bodies.read(request, message)
    shown = None if body is None else bodies.as_text(body)
    answer = render(request, "sessions_app/message_body.html", {"message": message, "shown": shown, "nav": "messages"})
    answer["Cache-Control"] = "no-store"
    return answer
