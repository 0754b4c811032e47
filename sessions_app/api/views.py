"""The lists and records of the REST interface, the end of a session, and the way to a token."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.viewsets import ReadOnlyModelViewSet

from sessions_app import commands
from sessions_app.api import filters
from sessions_app.api.permissions import MayEndSessions
from sessions_app.api.serializers import (
    CommandSerializer,
    ErrorSerializer,
    MessageSerializer,
    NodeSerializer,
    PeerSerializer,
    RouteSerializer,
    SessionDetailSerializer,
    SessionSerializer,
    SetupFailureSerializer,
)
from sessions_app.models import GatewaySession, MessageRecord, Node, Peer, Route, SetupFailure


class SessionViewSet(ReadOnlyModelViewSet):
    """Sessions, newest first."""

    queryset = GatewaySession.objects.order_by("-created_at", "-id")
    filterset_class = filters.SessionFilter
    ordering_fields = ["created_at", "ended_at"]

    def get_queryset(self) -> Any:
        """A session by itself comes with its steps."""
        return super().get_queryset() if self.action == "list" else super().get_queryset().prefetch_related("events")

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        """See get_queryset."""
        return SessionSerializer if self.action == "list" else SessionDetailSerializer

    @extend_schema(
        request=None,
        responses={202: CommandSerializer, 404: ErrorSerializer, 409: ErrorSerializer},
        description="Ask the process that owns the session to end it. 202: the command is on its way; "
        "409: the session has ended.",
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated, MayEndSessions])
    def end(self, request: Request, pk: str) -> Response:
        """End a live session."""
        session = self.get_object()
        if not session.is_live:
            return Response({"detail": f"The session has {session.state}."}, status=status.HTTP_409_CONFLICT)
        command = commands.end_session(session, by=request.user.get_username())
        return Response(CommandSerializer(command).data, status=status.HTTP_202_ACCEPTED)


class MessageViewSet(ReadOnlyModelViewSet):
    """Messages, newest first; without their bodies."""

    queryset = MessageRecord.objects.defer("body").order_by("-received_at", "-id")
    serializer_class = MessageSerializer
    filterset_class = filters.MessageFilter
    ordering_fields = ["received_at"]


class SetupFailureViewSet(ReadOnlyModelViewSet):
    """Failed set-ups, newest first."""

    queryset = SetupFailure.objects.order_by("-created_at", "-id")
    serializer_class = SetupFailureSerializer
    filterset_class = filters.SetupFailureFilter
    ordering_fields = ["created_at"]


class RouteViewSet(ReadOnlyModelViewSet):
    """The routes table, in the order in which it is asked."""

    queryset = Route.objects.order_by("priority", "name")
    serializer_class = RouteSerializer
    filterset_fields = ["enabled", "method", "action"]


class PeerViewSet(ReadOnlyModelViewSet):
    """Networks that may talk to the gateway."""

    queryset = Peer.objects.order_by("name")
    serializer_class = PeerSerializer
    filterset_fields = ["enabled"]


class NodeViewSet(ReadOnlyModelViewSet):
    """Gateway processes and their heartbeats."""

    queryset = Node.objects.order_by("name")
    serializer_class = NodeSerializer
    lookup_value_regex = "[^/]+"


class TokenSerializer(serializers.Serializer):
    """A token; send it as `Authorization: Token ...`."""

    token = serializers.CharField(read_only=True)


class ObtainToken(ObtainAuthToken):
    """A token for a user name and a password."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "token"

    @extend_schema(request=AuthTokenSerializer, responses=TokenSerializer)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make the user's token where there is none, and return it."""
        return super().post(request, *args, **kwargs)
