"""What a program gets to see of each record. Bodies of messages are nobody's business and stay out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.authtoken.serializers import AuthTokenSerializer

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
    TraceFrame,
)
from sessions_app.trace.frames import mask

PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
URI = (
    r"^sip:(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]+@)?(?:[A-Za-z0-9][A-Za-z0-9._\-]*|\[[0-9A-Fa-f:.]+\])"
    rf"(?::{PORT})?(?:;(?!transport=)[A-Za-z0-9\-_.+]+(?:=[A-Za-z0-9\-_.+]+)?)?(?:;transport=(?:udp|tcp))?$"
)
"""What a SIP URI looks like, for those who make requests from the document; what counts is what the parser takes."""
NO_NUL = r"^[^\u0000]*$"
"""PostgreSQL has no text with a NUL in it."""


@extend_schema_field({"type": "string", "maxLength": 255, "pattern": URI})
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
            "side",
            "layer",
            "code",
            "lost_with",
            "detail",
            "subject",
            "imdn_id",
            "notify",
            "confirmation",
            "expires_at",
        ]
        read_only_fields = fields


class FrameSerializer(serializers.ModelSerializer):
    """A SIP message or MSRP frame as it was on the wire, its body masked. Context: ``bodies``, to leave it as it is."""

    size = serializers.SerializerMethodField(help_text="Octets.")
    masked = serializers.SerializerMethodField(help_text="Whether the octets of its body are replaced here.")
    data = serializers.SerializerMethodField(help_text="Its octets, read as UTF-8; the capture file has them as such.")

    class Meta:
        model = TraceFrame
        fields = [
            "id",
            "at",
            "leg",
            "direction",
            "protocol",
            "transport",
            "source",
            "destination",
            "size",
            "masked",
            "data",
        ]
        read_only_fields = fields

    def get_size(self, frame: TraceFrame) -> int:
        """Of the frame as it is kept."""
        return len(frame.data)

    def get_masked(self, frame: TraceFrame) -> bool:
        """Masked when it was stored, or for this reader."""
        return frame.masked or self._shown(frame) != bytes(frame.data)

    def get_data(self, frame: TraceFrame) -> str:
        """As text."""
        return self._shown(frame).decode("utf-8", "replace")

    def _shown(self, frame: TraceFrame) -> bytes:
        data = bytes(frame.data)
        return data if self.context.get("bodies") else mask(frame.protocol, data)


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
        fields = ["name", "version", "pid", "listeners", "started_at", "heartbeat_at", "stopped_at", "draining_since",
                  "certificate_expires"]  # fmt: skip
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


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": 60_000, "pattern": NO_NUL})
class TextField(serializers.CharField):
    """The text of a message, as it is."""


@extend_schema_field({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]})
class SourceField(serializers.IPAddressField):
    """An IP address."""


@extend_schema_field({"type": "string", "maxLength": 500, "pattern": NO_NUL})
class NoteField(serializers.CharField):
    """What somebody wants to say."""


@extend_schema_field({"type": "string", "minLength": 1, "pattern": NO_NUL, "writeOnly": True})
class SecretField(serializers.CharField):
    """A password, as it is."""


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": 150, "pattern": NO_NUL, "writeOnly": True})
class NameField(serializers.CharField):
    """A user's name, as it is; 150 characters is what Django's have."""


class Sent(serializers.Serializer):
    """What every message to send has. Whoever misspells a field is told, instead of having it passed over."""

    content_type = serializers.RegexField(
        r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?: *; *[A-Za-z0-9_.-]+=[A-Za-z0-9_.\"-]+)*$",
        default="text/plain",
        max_length=200,
    )
    text = TextField(max_length=60_000, trim_whitespace=False, help_text="Its body, as text; UTF-8 on the wire.")
    wait = serializers.IntegerField(
        min_value=0, max_value=30, default=5, help_text="Seconds to wait for the outcome before 202."
    )

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """No other fields."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown, "Has no meaning here."))
        return values


class SendByRouteSerializer(Sent):
    """A message to send as if it had come as a MESSAGE: a route says what becomes of it."""

    from_uri = URIField(help_text="Its sender.")
    to_uri = URIField(help_text="Whom it is for.")
    source = SourceField(
        required=False, help_text="The address of a peer that it counts as having come from; this machine by itself."
    )


class SendIntoSessionSerializer(Sent):
    """A message to send into a live session."""

    session = serializers.UUIDField(help_text="The session.")
    direction = serializers.ChoiceField(choices=MessageRecord.Direction.choices, help_text="To which side of it.")


class CredentialsSerializer(AuthTokenSerializer):
    """A user's name and password."""

    username = NameField(trim_whitespace=False, write_only=True, max_length=150)
    password = SecretField(trim_whitespace=False, write_only=True)
    token = None


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

    note = NoteField(max_length=500, required=False, allow_blank=True)

    class Meta:
        model = Acknowledgement
        fields = ["record", "by", "at", "note"]
        read_only_fields = ["record", "by", "at"]
