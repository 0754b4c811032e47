"""Try the routes out: a request, pasted or composed, and what becomes of it, before anything is saved.

The table is asked by the code that the gateway asks it with. A route that is not live yet stands in it disabled; the
form can ask those, too.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from protocols.sip.errors import SipError
from protocols.sip.message import Request
from protocols.sip.parser import parse_message
from sessions_app.gateway.compose import composed
from sessions_app.gateway.routes_table import RoutesTable
from sessions_app.gateway.routing import Decision, RouteRequest
from sessions_app.models import Peer, Route


def _uri(label: str, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=255, widget=UnfoldAdminTextInputWidget, **options)


class TryForm(forms.Form):
    """A request: pasted whole, or its four coordinates."""

    method = forms.ChoiceField(
        choices=[("MESSAGE", "MESSAGE"), ("INVITE", "INVITE")], required=False, widget=UnfoldAdminSelectWidget
    )
    source = forms.GenericIPAddressField(
        label="From address (IP)", initial="127.0.0.1", widget=UnfoldAdminTextInputWidget
    )
    from_uri = _uri("From", initial="sip:alice@example.com")
    to_uri = _uri("To", initial="sip:bob@example.net")
    ruri = _uri("Request-URI", help_text="Empty: as To.")
    pasted = forms.CharField(
        label="Or a whole request",
        required=False,
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 8, "placeholder": "MESSAGE sip:bob@example.net SIP/2.0\nVia: ..."}
        ),
    )

    drafts = forms.BooleanField(label="Ask disabled routes, too", required=False, widget=UnfoldBooleanWidget)

    def clean(self) -> dict[str, Any]:
        """The parsed request under ``request``."""
        values = super().clean() or {}
        pasted = values.get("pasted", "").strip()
        try:
            if pasted:
                values["request"] = _pasted(pasted)
            elif not (values.get("from_uri") and values.get("to_uri")):
                self.add_error("to_uri" if values.get("from_uri") else "from_uri", "Is needed, or paste a request.")
            else:
                method = values.get("method") or "MESSAGE"
                values["request"] = composed(method, values["from_uri"], values["to_uri"], values.get("ruri", ""))
        except SipError as error:
            self.add_error("pasted" if pasted else None, f"This is no SIP request: {error.reason}.")
        return values


def _pasted(text: str) -> Request:
    """A request as people copy it: any line ends, and a body that may have been cut."""
    head, _, _ = text.replace("\r\n", "\n").partition("\n\n")
    lines = [line for line in head.split("\n") if not line.lower().startswith(("content-length:", "l:"))]
    message = parse_message(("\r\n".join(lines) + "\r\n\r\n").encode())
    if not isinstance(message, Request):
        raise SipError(400, "a response")
    _ = message.from_.uri, message.to.uri, message.call_id
    return message


@dataclass(slots=True)
class Verdict:
    """What the table says."""

    trusted: bool
    peer: str
    rule: str
    decision: Decision | None

    @property
    def words(self) -> str:
        """In one sentence."""
        if not self.trusted:
            return "Refused with 403: the address belongs to no enabled peer."
        if self.decision is None:
            return "Refused with 403: no route takes it."
        if self.decision.action == "reject":
            return f"Refused by {self.rule} with {self.decision.code} {self.decision.reason or ''}.".replace(" .", ".")
        return f"Taken by {self.rule}: {self.decision.action}."


def ask(request: Request, source: str, *, drafts: bool = False) -> Verdict:
    """Ask the peers and routes as they stand in the database; ``drafts``: as if disabled routes were enabled."""
    peers, routes = list(Peer.objects.all()), list(Route.objects.all())
    for route in routes if drafts else ():
        route.enabled = True
    table = RoutesTable(peers, routes)
    asked = RouteRequest(request, source)
    trusted = table.trusts(source)
    table(asked)
    address = ipaddress.ip_address(source)
    peer = next((each.name for each in peers if each.enabled and address in ipaddress.ip_network(each.network)), "")
    decision = asked.decision
    return Verdict(trusted, peer, _rule(peers, routes, asked) if decision is not None else "", decision)


def _rule(peers: list[Peer], routes: list[Route], asked: RouteRequest) -> str:
    """The name of the route that takes it: the first whose table of one does."""
    for route in sorted(routes, key=lambda each: (each.priority, each.name)):
        alone = RouteRequest(asked.message, asked.source)
        RoutesTable(peers, [route])(alone)
        if alone.decision is not None:
            return route.name
    return ""


class TriesOut:
    """A ModelAdmin of routes with the page of the same name."""

    actions_list = ["try_out"]

    @action(description="Try it", url_path="try-it", permissions=["view"])
    def try_out(self, request: HttpRequest) -> HttpResponse:
        """The form, and below it what would become of the request."""
        form = TryForm(request.POST or None)
        verdict = None
        if request.method == "POST" and form.is_valid():
            values = form.cleaned_data
            verdict = ask(values["request"], values["source"], drafts=values["drafts"])
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": "Try the routes out",
            "opts": Route._meta,
            "form": form,
            "verdict": verdict,
            "back": reverse("admin:sessions_app_route_changelist"),
        }
        return TemplateResponse(request, "admin/try_routes.html", context)
