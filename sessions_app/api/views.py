"""The lists and records of the REST interface, and what a program may ask of them."""

from __future__ import annotations

import base64
import time
from typing import Any

from django import forms
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import serializers, status
from rest_framework.authtoken.models import Token
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.decorators import action
from rest_framework.exceptions import AuthenticationFailed, NotFound, PermissionDenied, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from sessions_app import audit, commands, filters, origins
from sessions_app.api.etags import Conditional
from sessions_app.api.parsers import JSONParser
from sessions_app.api.permissions import needs
from sessions_app.api.problems import respond
from sessions_app.api.serializers import (
    AcknowledgementSerializer,
    BodySerializer,
    CommandSerializer,
    CredentialsSerializer,
    FrameSerializer,
    MessageSerializer,
    NodeSerializer,
    PeerSerializer,
    ProblemSerializer,
    RetrySerializer,
    RouteSerializer,
    SendByRouteSerializer,
    SendIntoSessionSerializer,
    SessionDetailSerializer,
    SessionSerializer,
    SetupFailureSerializer,
)
from sessions_app.api.throttles import ScopedThrottle
from sessions_app.models import (
    Acknowledgement,
    GatewaySession,
    MessageRecord,
    Node,
    NodeCommand,
    Peer,
    Route,
    SetupFailure,
    TraceFrame,
)
from sessions_app.pages import bodies, ladder

PROBLEM = OpenApiResponse(ProblemSerializer, description="RFC 9457 problem details.")
COMMON = {401: PROBLEM, 403: PROBLEM, 404: PROBLEM, 429: PROBLEM}
UUIDS = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


class KeepsOrder(DjangoFilterBackend):
    """The filters of the pages; the view is told the order that was asked for."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Raises ValidationError for a filter that is none, NotFound where it names a peer or node that is away."""
        found = self.get_filterset(request, queryset, view)
        if found is None:
            return queryset
        _refuse_vague(found.form.fields, request)
        if not found.is_valid():
            named = [name for name in found.errors if isinstance(found.form.fields.get(name), forms.ModelChoiceField)]
            if named == list(found.errors):
                raise NotFound(f"There is no {named[0]} of this name.")
            raise ValidationError(found.errors)
        if isinstance(found, filters.Sorted):
            view.order = found.order()
        return found.qs


def _refuse_vague(fields: dict[str, forms.Field], request: Request) -> None:
    """A page leaves a choice empty and means all; a program leaves it out, and says true or false and not 1.

    Raises ValidationError.
    """
    faults = {}
    for name, field in fields.items():
        if name not in request.query_params or type(field) is forms.CharField:
            continue
        values = request.query_params.getlist(name)
        if isinstance(field, forms.NullBooleanField):
            if any(value.lower() not in ("true", "false") for value in values):
                faults[name] = ["true or false."]
        elif "" in values:
            faults[name] = ["Is empty: leave it out."]
    if faults:
        raise ValidationError(faults)


class Records(Conditional, ReadOnlyModelViewSet):
    """A table to read."""

    filter_backends = [KeepsOrder]
    lookup_value_regex = UUIDS
    order: tuple[str, ...] = ()

    def order_of(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        """The columns that pages are cut by."""
        return self.order


def _described(what: str) -> Any:
    """The list and the record, with the problems that they may answer."""
    from drf_spectacular.utils import extend_schema_view

    return extend_schema_view(
        list=extend_schema(summary=f"List {what}"),
        retrieve=extend_schema(summary=f"One of the {what}"),
    )


MAY_SEE_FRAMES = [needs(name.partition(".")[2]) for name in ladder.MAY_LOOK]
_FRAMES = extend_schema(
    responses={200: FrameSerializer(many=True), **COMMON},
    parameters=[
        OpenApiParameter(
            "bodies",
            bool,
            description="Bodies as they were kept (GATEWAY_TRACE_BODIES): needs the permission `read_body`, and is put "
            "on the audit trail.",
        )
    ],
    description="What passed over the wires, oldest first, as far as it is on record (GATEWAY_TRACE); bodies masked.",
)


class Framed(Records):
    """Records that have frames."""

    def _frames(self, request: Request, owner: Any) -> Response:
        """Those of the session, or of the set-up failure without one, with this id."""
        wish = request.query_params.get("bodies", "false").lower()
        if wish not in ("true", "false"):
            raise ValidationError({"bodies": ["true or false."]})
        if wish == "true" and not request.user.has_perm(bodies.PERMISSION):
            raise PermissionDenied("This needs the permission sessions_app.read_body.")
        self.order = ("at", "id")
        rows = self.paginate_queryset(TraceFrame.objects.filter(session_id=owner))
        if wish == "true" and rows:
            audit.record(request, audit.Action.READ_BODY, owner, f"{len(rows)} frames")
        shown = FrameSerializer(rows, many=True, context={"bodies": wish == "true"})
        response = self.get_paginated_response(shown.data)
        if wish == "true":
            response["Cache-Control"] = "no-store"
        return response


class SessionViewSet(Framed):
    """Sessions, newest first."""

    queryset = GatewaySession.objects.defer("dialog")
    filterset_class = filters.SessionFilter
    order = ("-created_at", "-id")

    def get_queryset(self) -> Any:
        """A session by itself comes with its steps."""
        return super().get_queryset() if self.action == "list" else super().get_queryset().prefetch_related("events")

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        """See get_queryset."""
        return SessionSerializer if self.action == "list" else SessionDetailSerializer

    @extend_schema(
        request=None,
        responses={202: CommandSerializer, 409: PROBLEM, **COMMON},
        description="Ask the process that owns the session to end it. 202: the command is on its way; "
        "409: the session has ended.",
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated, needs("change_gatewaysession")])
    def end(self, request: Request, pk: str) -> Response:
        """End a live session."""
        session = self.get_object()
        if not session.is_live:
            return respond(status.HTTP_409_CONFLICT, f"The session has {session.state}.")
        command = commands.end_session(session, by=request.user.get_username())
        audit.record(request, audit.Action.END_SESSION, session.pk, session.key)
        return Response(CommandSerializer(command).data, status=status.HTTP_202_ACCEPTED)

    @_FRAMES
    @action(detail=True, permission_classes=[IsAuthenticated, *MAY_SEE_FRAMES], filter_backends=[])
    def frames(self, request: Request, pk: str) -> Response:
        """Frames of a session."""
        session = get_object_or_404(GatewaySession.objects.only("id"), pk=pk)
        return self._frames(request, session.pk)


class MessageViewSet(Records):
    """Messages, newest first; without their bodies."""

    queryset = MessageRecord.objects.defer("body")
    serializer_class = MessageSerializer
    filterset_class = filters.MessageFilter
    order = ("-received_at", "-id")
    throttle_scope = "send"

    def get_permissions(self) -> list[Any]:
        """Sending is a permission of its own."""
        if self.request.method == "POST" and self.action == "create":
            return [IsAuthenticated(), needs("send_message")()]
        return super().get_permissions()

    def get_throttles(self) -> list[Any]:
        """Sending has a rate of its own."""
        own = [ScopedThrottle()] if self.action == "create" else []
        return [*super().get_throttles(), *own]

    @extend_schema(
        request=PolymorphicProxySerializer(
            component_name="Send",
            serializers=[SendByRouteSerializer, SendIntoSessionSerializer],
            resource_type_field_name=None,
        ),
        responses={201: MessageSerializer, 202: CommandSerializer, 400: PROBLEM, 409: PROBLEM, 503: PROBLEM, **COMMON},
        description="Send a message by route, or into a live session. 201: it has its outcome, see `state`. "
        "202: it has none yet; poll `Location`. 409: it was not taken, `detail` says why. 503: no gateway runs.",
        examples=[
            OpenApiExample(
                "by route",
                {"from_uri": "sip:alice@example.com", "to_uri": "sip:bob@example.net", "text": "Hello"},
                request_only=True,
            ),
            OpenApiExample(
                "into a session",
                {"session": "0190a000-0000-7000-8000-000000000001", "direction": "to_page", "text": "Hello"},
                request_only=True,
            ),
        ],
    )
    def create(self, request: Request) -> Response:
        """Send a message."""
        if not isinstance(request.data, dict):
            raise ValidationError({"non_field_errors": ["A JSON object is wanted."]})
        kind = SendIntoSessionSerializer if "session" in request.data else SendByRouteSerializer
        asked = kind(data=request.data)
        asked.is_valid(raise_exception=True)
        wish = asked.validated_data
        body, by = wish["text"].encode("utf-8", "replace"), request.user.get_username()
        deadline = time.monotonic() + wish["wait"]
        try:
            if "session" in wish:
                session = get_object_or_404(GatewaySession, pk=wish["session"])
                if not session.is_live:
                    return respond(status.HTTP_409_CONFLICT, f"The session has {session.state}.")
                command = commands.send_into(session, by, wish["direction"], wish["content_type"], body)
            else:
                command = commands.send_by_route(
                    by, wish["from_uri"], wish["to_uri"], wish.get("source", ""), wish["content_type"], body
                )
        except commands.NoNode as why:
            return respond(status.HTTP_503_SERVICE_UNAVAILABLE, str(why))
        audit.record(request, audit.Action.SEND_MESSAGE, command.pk, str(wish.get("session") or wish.get("to_uri")))
        return self._outcome(command, deadline)

    def _outcome(self, command: NodeCommand, deadline: float) -> Response:
        """Wait for what became of it."""
        if not commands.wait(command, max(0.0, deadline - time.monotonic())):
            return self._later(command, "")
        if not command.result.startswith("sent "):
            return respond(status.HTTP_409_CONFLICT, command.result)
        identity = command.result.removeprefix("sent ")
        while True:
            message = MessageRecord.objects.defer("body").filter(pk=identity).first()
            if message is not None and message.finished_at is not None:
                headers = {"Location": self._address(identity)}
                return Response(MessageSerializer(message).data, status=status.HTTP_201_CREATED, headers=headers)
            if time.monotonic() >= deadline:
                return self._later(command, identity)
            time.sleep(0.03)

    def _later(self, command: NodeCommand, identity: str) -> Response:
        headers = {"Location": self._address(identity)} if identity else {}
        return Response(CommandSerializer(command).data, status=status.HTTP_202_ACCEPTED, headers=headers)

    def _address(self, identity: str) -> str:
        return self.request.build_absolute_uri(self.reverse_action("detail", args=[identity]))

    @extend_schema(
        request=RetrySerializer,
        responses={202: CommandSerializer, 400: PROBLEM, 409: PROBLEM, 503: PROBLEM, **COMMON},
        description="Deliver a message that failed, now; with `ruri` or `next_hop`, elsewhere. 409: it has not failed, "
        "or its body is not kept any more (GATEWAY_STORE_BODIES).",
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated, needs("retry_message")])
    def retry(self, request: Request, pk: str) -> Response:
        """Retry a message."""
        message = get_object_or_404(MessageRecord.objects.defer("body").select_related("session"), pk=pk)
        asked = RetrySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if message.state not in (MessageRecord.State.FAILED, MessageRecord.State.EXPIRED):
            return respond(status.HTTP_409_CONFLICT, f"It has not failed: it is {message.state}.")
        if not MessageRecord.objects.filter(pk=pk, body__isnull=False).exists():
            return respond(status.HTTP_409_CONFLICT, "Its body is not kept any more (GATEWAY_STORE_BODIES).")
        try:
            command = commands.retry_message(message, request.user.get_username(), **asked.validated_data)
        except commands.NoNode as why:
            return respond(status.HTTP_503_SERVICE_UNAVAILABLE, str(why))
        audit.record(request, audit.Action.RETRY_MESSAGE, message.pk)
        return Response(CommandSerializer(command).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        responses={200: BodySerializer, 410: PROBLEM, **COMMON},
        description="The body. Needs the permission `read_body`; each reading is put on the audit trail.",
    )
    @action(detail=True, methods=["get"], permission_classes=[IsAuthenticated, needs("read_body")])
    def body(self, request: Request, pk: str) -> Response:
        """The body of a message."""
        message = get_object_or_404(MessageRecord.objects.defer("body"), pk=pk)
        found = bodies.read(request, message)
        if found is None:
            return respond(status.HTTP_410_GONE, "The body is not kept any more (GATEWAY_STORE_BODIES).")
        content = {"content_type": message.content_type, "base64": base64.b64encode(found).decode()}
        return Response(content, headers={"Cache-Control": "no-store"})


class FailureViewSet(Framed):
    """Failed set-ups, newest first."""

    queryset = SetupFailure.objects.all()
    serializer_class = SetupFailureSerializer
    filterset_class = filters.SetupFailureFilter
    order = ("-created_at", "-id")

    @extend_schema(
        request=AcknowledgementSerializer,
        responses={200: AcknowledgementSerializer, 400: PROBLEM, **COMMON},
        description="Note that somebody has seen it.",
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated, needs("acknowledge_failure")])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Acknowledge a failure."""
        failure = self.get_object()
        asked = AcknowledgementSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        note = asked.validated_data.get("note", "")
        given, _ = Acknowledgement.objects.update_or_create(
            record=failure.pk, defaults={"by": request.user.get_username(), "note": note}
        )
        audit.record(request, audit.Action.ACKNOWLEDGE, failure.pk, note)
        return Response(AcknowledgementSerializer(given).data)

    @_FRAMES
    @action(detail=True, permission_classes=[IsAuthenticated, *MAY_SEE_FRAMES], filter_backends=[])
    def frames(self, request: Request, pk: str) -> Response:
        """Frames of a failed set-up: of its session, or of the request that was refused before there was one."""
        failure = get_object_or_404(SetupFailure.objects.only("id", "session_id"), pk=pk)
        return self._frames(request, failure.session_id or failure.pk)


@extend_schema(exclude=True)
class SetupFailureViewSet(FailureViewSet):
    """The same under its earlier address."""


class RouteViewSet(Records):
    """The routes table, in the order in which it is asked."""

    queryset = Route.objects.all()
    serializer_class = RouteSerializer
    filterset_class = filters.RouteFilter
    order = ("priority", "name")


class PeerViewSet(Records):
    """Networks that may talk to the gateway."""

    queryset = Peer.objects.all()
    serializer_class = PeerSerializer
    filterset_class = filters.PeerFilter
    order = ("name",)


class NodeViewSet(Records):
    """Gateway processes and their heartbeats."""

    queryset = Node.objects.all()
    serializer_class = NodeSerializer
    lookup_value_regex = "[^/]+"
    order = ("name",)


class TokenSerializer(serializers.Serializer):
    """A token; send it as `Authorization: Token ...`."""

    token = serializers.CharField(read_only=True)


class ObtainToken(ObtainAuthToken):
    """A token for a user name and a password."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (JSONParser, FormParser, MultiPartParser)
    throttle_classes = (ScopedThrottle,)
    throttle_scope = "token"

    serializer_class = CredentialsSerializer

    @extend_schema(
        request=CredentialsSerializer,
        responses={200: TokenSerializer, 400: PROBLEM, 401: PROBLEM, 403: PROBLEM, 429: PROBLEM},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make the user's token where there is none, and return it. 401: wrong name or password."""
        if origins.foreign(request):  # it has no login that could be abused, but would be guessing from where we are
            raise PermissionDenied("Not for the page of another origin.")
        asked = self.get_serializer(data=request.data)
        try:
            asked.is_valid(raise_exception=True)
        except ValidationError as error:
            if "authorization" in _codes(error.get_codes()):
                raise AuthenticationFailed("Wrong name or password.")
            raise
        token, _ = Token.objects.get_or_create(user=asked.validated_data["user"])
        return Response({"token": token.key})

    def get_authenticate_header(self, request: Request) -> str:
        """What a 401 asks for (RFC 9110 s11.6.1)."""
        return "Token"


def _codes(found: Any) -> set[str]:
    if isinstance(found, dict):
        return {code for each in found.values() for code in _codes(each)}
    return set(found) if isinstance(found, list) else {found}


for _viewset, _what in (
    (SessionViewSet, "sessions"),
    (MessageViewSet, "messages"),
    (FailureViewSet, "failed set-ups"),
    (RouteViewSet, "routes"),
    (PeerViewSet, "peers"),
    (NodeViewSet, "nodes"),
):
    _described(_what)(_viewset)
