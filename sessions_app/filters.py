"""What lists can be narrowed by: the same names on the pages, in exports and in the REST interface."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import django_filters
from django import forms
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django_filters.fields import IsoDateTimeField
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from sessions_app.cause import Side
from sessions_app.models import Acknowledgement, GatewaySession, MessageRecord, Node, Peer, Route, SetupFailure
from sessions_app.search import (
    SHORTEST,
    FailureText,
    HostOf,
    SessionText,
    messages_named,
    messages_with,
    sessions_with,
    sources_in,
    with_part,
    with_sip_code,
)

SINCE: Final = [
    ("15m", "Last 15 minutes"),
    ("1h", "Last hour"),
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
]
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def span(text: str) -> timedelta:
    """The length of 15m, 1h or 7d."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


class OneOrMore(forms.Select):
    """A select of one; an address may name several."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        """All that are named, but for the empty one."""
        values = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
        return [value for value in ([values] if isinstance(values, str) else values) if value != ""]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Without any value, the empty choice is the one."""
        return super().get_context(name, value or [""], attrs)


class StateFilter(django_filters.MultipleChoiceFilter):
    """One state, or several."""

    def __init__(self, choices: Any, **extra: Any) -> None:
        # Not distinct: a column of the row itself repeats nothing, and DISTINCT would read all before it gave one.
        widget = OneOrMore(choices=[("", "Any state"), *choices])
        super().__init__(choices=choices, widget=widget, distinct=False, **extra)
        self.field_class.widget = OneOrMore

    @property
    def field(self) -> Any:
        """The widget has a choice more than the field."""
        made = super().field
        made.widget.choices = [("", "Any state"), *made.choices]
        return made


def _search_box(label: str) -> forms.TextInput:
    return forms.TextInput(attrs={"type": "search", "placeholder": label, "autocomplete": "off", "minlength": SHORTEST})


def _q(label: str) -> django_filters.CharFilter:
    return django_filters.CharFilter(
        label="Search", method="search", widget=_search_box(label), max_length=200, min_length=SHORTEST
    )


class MomentField(IsoDateTimeField):
    """A time of ISO 8601, in UTC then; what no record can have is clipped to what the database takes."""

    def clean(self, value: Any) -> datetime | None:
        """The time, not before 1970."""
        moment = super().clean(value)
        if moment is None:
            return None
        try:
            return max(EPOCH, moment.astimezone(UTC))
        except OverflowError:
            return EPOCH if moment.year < 2000 else datetime.max.replace(tzinfo=UTC)


class MomentFilter(django_filters.IsoDateTimeFilter):
    """A bound of a time."""

    field_class = MomentField


def _moment(field: str, lookup: str, label: str) -> MomentFilter:
    box = forms.DateTimeInput(attrs={"placeholder": "2026-01-31T08:00Z"})
    return MomentFilter(field_name=field, lookup_expr=lookup, label=label, widget=box)


def _since(field: str) -> django_filters.ChoiceFilter:
    def narrow(rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        return rows.filter(**{f"{field}__gte": timezone.now() - span(text)})

    return django_filters.ChoiceFilter(choices=SINCE, label="Time", empty_label="Any time", method=narrow)


def _nodes(request: Any) -> QuerySet[Node]:
    return Node.objects.order_by("name")


class Sorted(django_filters.FilterSet):
    """A list with orders to choose from: each a label, the columns, and what must hold for them to have an index."""

    orders: dict[str, tuple[str, tuple[str, ...], Q]] = {}
    primary: tuple[str, ...] = ()
    """Fields that a page shows at once; the rest stands under "More"."""

    def order(self) -> tuple[str, ...]:
        """The columns of the order that was asked for."""
        wish = self.form.cleaned_data.get("sort") if self.is_valid() else ""
        return self.orders[wish or ""][1]

    def sorted_by(self, rows: QuerySet[Any], name: str, wish: str) -> QuerySet[Any]:
        """Leave out what the order says nothing about."""
        return rows.filter(self.orders[wish][2])

    def narrowed(self) -> bool:
        """Whether anything was asked for, beside an order."""
        asked = getattr(self.form, "cleaned_data", {})
        return any(value not in (None, "", []) for name, value in asked.items() if name != "sort")

    def shown(self) -> list[Any]:
        """The form's fields that stand in front."""
        return [self.form[name] for name in self.primary if name in self.form.fields]

    def more(self) -> list[Any]:
        """The others."""
        return [field for field in self.form if field.name not in self.primary]

    def more_used(self) -> bool:
        """Whether one of the others narrows the list, or is wrong."""
        return any(field.value() not in (None, "", []) or field.errors for field in self.more())


def _sort(orders: dict[str, tuple[str, tuple[str, ...], Q]]) -> django_filters.ChoiceFilter:
    return django_filters.ChoiceFilter(
        label="Sort",
        method="sorted_by",
        empty_label=orders[""][0],
        choices=[(name, label) for name, (label, _, _) in orders.items() if name],
    )


def _has_note() -> django_filters.BooleanFilter:
    choices = [("", "Either"), ("true", "Yes"), ("false", "No")]
    return django_filters.BooleanFilter(label="Acknowledged", method="by_note", widget=forms.Select(choices=choices))


def _side() -> django_filters.ChoiceFilter:
    choices = [(side.value, side.value) for side in Side if side]
    return django_filters.ChoiceFilter(label="Side", choices=choices, empty_label="Any side")


def _without_code(help_text: str) -> django_filters.BooleanFilter:
    return django_filters.BooleanFilter(field_name="code", lookup_expr="isnull", label="No reply", help_text=help_text)


SESSION_ORDERS: Final = {
    "": ("Newest first", ("-created_at", "-id"), Q()),
    "oldest": ("Oldest first", ("created_at", "id"), Q()),
    "ended": ("Latest end first", ("-ended_at", "-id"), Q(ended_at__isnull=False)),
    "active": ("Live, latest message first", ("-last_message_at", "-id"), Q(ended_at__isnull=True)),
    "undelivered": ("Most undelivered first", ("-undelivered", "-created_at", "-id"), Q(undelivered__gt=0)),
}


class SessionFilter(Sorted):
    """Sessions."""

    orders = SESSION_ORDERS
    primary = ("q", "state", "initiator", "since", "outcome", "sort")

    q = _q("Part of a URI, key, Call-ID, MSRP session-id or Message-ID")
    state = StateFilter(choices=GatewaySession.State.choices)
    initiator = django_filters.ChoiceFilter(
        choices=GatewaySession.Initiator.choices, label="Begun by", empty_label="Either side"
    )
    since = _since("created_at")
    outcome = django_filters.ChoiceFilter(
        label="Outcome",
        method="by_outcome",
        empty_label="Any outcome",
        choices=[
            ("undelivered", "Something undelivered"),
            ("setup_failed", "Set-up failed"),
            ("delivered", "Nothing undelivered"),
        ],
    )
    sort = _sort(SESSION_ORDERS)
    peer = django_filters.ModelChoiceFilter(
        label="Peer", method="by_peer", queryset=Peer.objects.all(), to_field_name="name", empty_label="Any peer"
    )
    node = django_filters.ModelChoiceFilter(
        label="Node", queryset=_nodes, to_field_name="name", method="by_node", empty_label="Any node"
    )
    source = django_filters.CharFilter(label="Source address")
    route = django_filters.CharFilter()
    key = django_filters.CharFilter()
    call_id = django_filters.CharFilter(label="Call-ID")
    live = django_filters.BooleanFilter(
        field_name="ended_at",
        lookup_expr="isnull",
        label="Live",
        help_text="True: set up or live; false: ended, failed.",
    )
    from_uri = django_filters.CharFilter(label="From", method="part_of")
    to_uri = django_filters.CharFilter(label="To", method="part_of")
    created_after = _moment("created_at", "gte", "Created from")
    created_before = _moment("created_at", "lt", "Created before")

    class Meta:
        model = GatewaySession
        fields: list[str] = []

    def search(self, sessions: QuerySet[GatewaySession], name: str, text: str) -> QuerySet[GatewaySession]:
        """Any of the texts that name a session."""
        return sessions_with(sessions, text)

    def part_of(self, sessions: QuerySet[GatewaySession], name: str, text: str) -> QuerySet[GatewaySession]:
        """Part of one URI, by the index of all texts."""
        return with_part(sessions, SessionText(), text).filter(**{f"{name}__ilike": text})

    @extend_schema_field(OpenApiTypes.STR)
    def by_node(self, sessions: QuerySet[GatewaySession], name: str, node: Node) -> QuerySet[GatewaySession]:
        """Sessions of a process."""
        return sessions.filter(node=node.name)

    @extend_schema_field(OpenApiTypes.STR)
    def by_peer(self, sessions: QuerySet[GatewaySession], name: str, peer: Peer) -> QuerySet[GatewaySession]:
        """Sessions that came from a peer's network."""
        return sessions.filter(source__in=sources_in(peer.network))

    def by_outcome(self, sessions: QuerySet[GatewaySession], name: str, wish: str) -> QuerySet[GatewaySession]:
        """What became of the session's messages."""
        if wish == "undelivered":
            return sessions.filter(undelivered__gt=0)
        if wish == "setup_failed":
            return sessions.filter(state=GatewaySession.State.FAILED)
        return sessions.filter(undelivered=0).exclude(state=GatewaySession.State.FAILED)


MESSAGE_ORDERS: Final = {
    "": ("Newest first", ("-received_at", "-id"), Q()),
    "oldest": ("Oldest first", ("received_at", "id"), Q()),
}


class MessageFilter(Sorted):
    """Messages."""

    orders = MESSAGE_ORDERS
    primary = ("q", "state", "direction", "since", "sort")

    q = _q("Part of a URI or key; a whole Call-ID or Message-ID")
    state = StateFilter(choices=MessageRecord.State.choices)
    direction = django_filters.ChoiceFilter(choices=MessageRecord.Direction.choices, empty_label="Either way")
    since = _since("received_at")
    sort = _sort(MESSAGE_ORDERS)
    session = django_filters.UUIDFilter(field_name="session_id", label="Session")
    call_id = django_filters.CharFilter(label="Call-ID", method="by_id")
    message_id = django_filters.CharFilter(label="Message-ID", method="by_id")
    from_uri = django_filters.CharFilter(label="From", method="part_of")
    to_uri = django_filters.CharFilter(label="To", method="part_of")
    sip_code = django_filters.NumberFilter(label="SIP code", min_value=100, max_value=699, method="by_sip_code")
    msrp_code = django_filters.NumberFilter(label="MSRP code", min_value=100, max_value=999)
    side = _side()
    layer = django_filters.CharFilter(label="Layer")
    code = django_filters.NumberFilter(label="Code of that side", min_value=100, max_value=999)
    code__isnull = _without_code("True: that side gave no code; false: it gave one.")
    detail = django_filters.CharFilter(label="Detail")
    host = django_filters.CharFilter(label="Host of To", method="by_host")
    acknowledged = _has_note()
    received_after = _moment("received_at", "gte", "Received from")
    received_before = _moment("received_at", "lt", "Received before")

    class Meta:
        model = MessageRecord
        fields: list[str] = []

    def search(self, messages: QuerySet[MessageRecord], name: str, text: str) -> QuerySet[MessageRecord]:
        """Messages with this id, or of sessions that the text names."""
        return messages_with(messages, text)

    def by_id(self, messages: QuerySet[MessageRecord], name: str, text: str) -> QuerySet[MessageRecord]:
        """A whole id, by the index of ids."""
        return messages.filter(pk__in=[message for message, _ in messages_named(text)], **{name: text})

    def part_of(self, messages: QuerySet[MessageRecord], name: str, text: str) -> QuerySet[MessageRecord]:
        """Part of one URI: sessions by the index of their texts, then their messages."""
        return _in_sessions(messages, text).filter(**{f"{name}__ilike": text})

    def by_sip_code(self, messages: QuerySet[MessageRecord], name: str, code: Any) -> QuerySet[MessageRecord]:
        """Final answer on the message side."""
        return messages.filter(with_sip_code(int(code)))

    def by_host(self, messages: QuerySet[MessageRecord], name: str, host: str) -> QuerySet[MessageRecord]:
        """The host that it was for."""
        return _in_sessions(messages, host).alias(host=HostOf(F("to_uri"))).filter(host=host)

    def by_note(self, messages: QuerySet[MessageRecord], name: str, wish: bool) -> QuerySet[MessageRecord]:
        """Whether somebody has acknowledged it."""
        return _noted(messages, wish)


def _in_sessions(messages: QuerySet[MessageRecord], text: str) -> QuerySet[MessageRecord]:
    """Messages of sessions with this part of a URI: those of one session are between its two sides."""
    named = with_part(GatewaySession.objects.order_by(), SessionText(), text)
    return messages.filter(session__in=named.values("pk"))


def _noted(rows: QuerySet[Any], wish: bool) -> QuerySet[Any]:
    noted = Exists(Acknowledgement.objects.filter(record=OuterRef("pk")))
    return rows.filter(noted if wish else ~noted)


FAILURE_ORDERS: Final = {
    "": ("Newest first", ("-created_at", "-id"), Q()),
    "oldest": ("Oldest first", ("created_at", "id"), Q()),
}


class SetupFailureFilter(Sorted):
    """Failed set-ups."""

    orders = FAILURE_ORDERS
    primary = ("q", "code", "leg", "layer", "since", "acknowledged", "sort")

    q = _q("Part of a URI, key or reason")
    code = django_filters.NumberFilter(
        label="Code",
        min_value=100,
        max_value=699,
        widget=forms.NumberInput(attrs={"placeholder": "Code", "min": 100, "max": 699}),
    )
    leg = _side()
    layer = django_filters.CharFilter(label="Layer")
    since = _since("created_at")
    acknowledged = _has_note()
    sort = _sort(FAILURE_ORDERS)
    code__isnull = _without_code("True: no negative reply came; false: one came.")
    detail = django_filters.CharFilter(label="Detail")
    host = django_filters.CharFilter(label="Host of the Request-URI", method="by_host")
    key = django_filters.CharFilter(method="whole")
    session = django_filters.UUIDFilter(field_name="session_id", label="Session")
    node = django_filters.CharFilter()
    from_uri = django_filters.CharFilter(label="From", method="part_of")
    to_uri = django_filters.CharFilter(label="To", method="part_of")
    created_after = _moment("created_at", "gte", "From")
    created_before = _moment("created_at", "lt", "Before")

    class Meta:
        model = SetupFailure
        fields: list[str] = []

    def search(self, failures: QuerySet[SetupFailure], name: str, text: str) -> QuerySet[SetupFailure]:
        """Any of the texts of a failure."""
        return with_part(failures, FailureText(), text.strip())

    def part_of(self, failures: QuerySet[SetupFailure], name: str, text: str) -> QuerySet[SetupFailure]:
        """Part of one URI, by the index of all texts."""
        return with_part(failures, FailureText(), text).filter(**{f"{name}__ilike": text})

    def whole(self, failures: QuerySet[SetupFailure], name: str, text: str) -> QuerySet[SetupFailure]:
        """A whole text, by the same index."""
        return with_part(failures, FailureText(), text).filter(**{name: text})

    def by_host(self, failures: QuerySet[SetupFailure], name: str, host: str) -> QuerySet[SetupFailure]:
        """Where the INVITE went."""
        return with_part(failures, FailureText(), host).alias(host=HostOf(F("ruri"))).filter(host=host)

    def by_note(self, failures: QuerySet[SetupFailure], name: str, wish: bool) -> QuerySet[SetupFailure]:
        """Whether somebody has acknowledged it."""
        return _noted(failures, wish)


class RouteFilter(django_filters.FilterSet):
    """Lines of the routes table."""

    class Meta:
        model = Route
        fields = ["enabled", "method", "action"]


class PeerFilter(django_filters.FilterSet):
    """Peers."""

    class Meta:
        model = Peer
        fields = ["enabled"]
