"""What a program gets to see of each record. Bodies of messages are nobody's business and stay out."""

from __future__ import annotations

from rest_framework import serializers

from sessions_app.models import (
    GatewaySession,
    MessageRecord,
    Node,
    NodeCommand,
    Peer,
    Route,
    SessionEvent,
    SetupFailure,
)


class SessionSerializer(serializers.ModelSerializer):
    """A session in a list."""

    class Meta:
        model = GatewaySession
        fields = [
            "id",
            "key",
            "state",
            "initiator",
            "from_uri",
            "to_uri",
            "ruri",
            "source",
            "node",
            "route",
            "call_id",
            "local_path",
            "peer_path",
            "content_types",
            "next_hop",
            "back_hop",
            "to_msrp",
            "to_page",
            "undelivered",
            "created_at",
            "established_at",
            "last_message_at",
            "last_send_at",
            "ended_at",
            "end_reason",
        ]
        read_only_fields = fields


class EventSerializer(serializers.ModelSerializer):
    """A step in a session's life."""

    class Meta:
        model = SessionEvent
        fields = ["at", "kind", "detail"]
        read_only_fields = fields


class SessionDetailSerializer(SessionSerializer):
    """A session by itself: with its steps."""

    events = EventSerializer(many=True, read_only=True)

    class Meta(SessionSerializer.Meta):
        fields = [*SessionSerializer.Meta.fields, "events"]
        read_only_fields = fields


class MessageSerializer(serializers.ModelSerializer):
    """A message, without its body."""

    class Meta:
        model = MessageRecord
        fields = [
            "id",
            "session",
            "direction",
            "state",
            "from_uri",
            "to_uri",
            "call_id",
            "message_id",
            "content_type",
            "size",
            "received_at",
            "finished_at",
            "sip_code",
            "msrp_code",
            "detail",
        ]
        read_only_fields = fields


class SetupFailureSerializer(serializers.ModelSerializer):
    """A failed set-up (E_MSRP_GW_SETUP_FAILED)."""

    class Meta:
        model = SetupFailure
        fields = [
            "id",
            "session",
            "key",
            "from_uri",
            "to_uri",
            "ruri",
            "code",
            "reason",
            "leg",
            "layer",
            "detail",
            "answered",
            "waiting",
            "node",
            "created_at",
        ]
        read_only_fields = fields


class RouteSerializer(serializers.ModelSerializer):
    """A line of the routes table."""

    class Meta:
        model = Route
        fields = "__all__"


class PeerSerializer(serializers.ModelSerializer):
    """A network that may talk to the gateway."""

    class Meta:
        model = Peer
        fields = "__all__"


class NodeSerializer(serializers.ModelSerializer):
    """A gateway process."""

    listeners = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Node
        fields = ["name", "version", "pid", "listeners", "started_at", "heartbeat_at", "stopped_at"]
        read_only_fields = fields


class CommandSerializer(serializers.ModelSerializer):
    """A command on its way to the process that owns the session."""

    state = serializers.SerializerMethodField(help_text="pending, or done once `done_at` is set.")

    class Meta:
        model = NodeCommand
        fields = ["id", "verb", "session", "node", "by", "state", "created_at", "done_at", "result"]
        read_only_fields = fields

    def get_state(self, command: NodeCommand) -> str:
        """Whether it has been carried out."""
        return "pending" if command.done_at is None else "done"


class ErrorSerializer(serializers.Serializer):
    """Why a request was refused."""

    detail = serializers.CharField()
