"""What a program gets to see of each record. Bodies of messages are nobody's business and stay out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from sessions_app import validators
from sessions_app.models import (
    Acknowledgement,
    GatewaySession,
    MessageRecord,
    Node,
    NodeCommand,
    Peer,
    Route,
    SessionEvent,
    SetupFailure,
)


class URIField(serializers.CharField):
    """A SIP URI that can be sent to."""

    def __init__(self, **extra: Any) -> None:
        super().__init__(max_length=255, **extra)
        self.validators.append(validators.next_hop_or_nothing)


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
            "subject",
            "imdn_id",
            "notify",
            "confirmation",
            "expires_at",
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
        fields = ["name", "version", "pid", "listeners", "started_at", "heartbeat_at", "stopped_at", "draining_since"]
        read_only_fields = fields


class CommandSerializer(serializers.ModelSerializer):
    """A command on its way to a gateway process."""

    state = serializers.SerializerMethodField(help_text="pending, or done once `done_at` is set.")

    class Meta:
        model = NodeCommand
        fields = ["id", "verb", "session", "node", "by", "state", "created_at", "done_at", "result"]
        read_only_fields = fields

    def get_state(self, command: NodeCommand) -> str:
        """Whether it has been carried out."""
        return "pending" if command.done_at is None else "done"


class FaultSerializer(serializers.Serializer):
    """What is wrong with one field."""

    field = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer):
    """Why a request was refused (RFC 9457)."""

    type = serializers.CharField(default="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = FaultSerializer(many=True, required=False)


class SendSerializer(serializers.Serializer):
    """A message to send: by route (``from`` and ``to``), or into a live session (``session``)."""

    from_uri = URIField(required=False, help_text="Its sender. With `to_uri`: as if it had come as a MESSAGE.")
    to_uri = URIField(required=False, help_text="Whom it is for.")
    source = serializers.IPAddressField(
        required=False, help_text="The address of a peer that it counts as having come from; this machine by itself."
    )
    session = serializers.UUIDField(required=False, help_text="A live session to send it into.")
    direction = serializers.ChoiceField(
        choices=MessageRecord.Direction.choices, required=False, help_text="With `session`: to which side."
    )
    content_type = serializers.RegexField(
        r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?: *; *[A-Za-z0-9_.-]+=[A-Za-z0-9_.\"-]+)*$",
        default="text/plain",
        max_length=200,
    )
    text = serializers.CharField(
        max_length=60_000, trim_whitespace=False, help_text="Its body, as text; UTF-8 on the wire."
    )
    wait = serializers.IntegerField(
        min_value=0, max_value=30, default=5, help_text="Seconds to wait for the outcome before 202."
    )

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Either a session, or both addresses."""
        by_route = "from_uri" in values or "to_uri" in values
        if ("session" in values) == by_route:
            raise serializers.ValidationError("Either `session`, or `from_uri` and `to_uri`.")
        if by_route and not ("from_uri" in values and "to_uri" in values):
            missing = "to_uri" if "from_uri" in values else "from_uri"
            raise serializers.ValidationError({missing: "Is needed beside the other address."})
        if "session" in values and "direction" not in values:
            raise serializers.ValidationError({"direction": "Is needed with `session`."})
        return values


class RetrySerializer(serializers.Serializer):
    """Where a retried message goes, if not to where it was for."""

    ruri = URIField(required=False, allow_blank=True, default="")
    next_hop = URIField(required=False, allow_blank=True, default="")


class BodySerializer(serializers.Serializer):
    """The body of a message."""

    content_type = serializers.CharField()
    base64 = serializers.CharField()


class AcknowledgementSerializer(serializers.ModelSerializer):
    """That somebody has seen a failure."""

    class Meta:
        model = Acknowledgement
        fields = ["record", "by", "at", "note"]
        read_only_fields = ["record", "by", "at"]
