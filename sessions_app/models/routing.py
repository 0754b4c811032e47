"""What the gateway may do: who may talk to it (Peer), and what becomes of a request (Route)."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from sessions_app import validators


class Peer(models.Model):
    """A network that may talk to the gateway. Whoever is not in one is refused (RULEBOOK S34)."""

    class Cpim(models.TextChoices):
        AUTO = "auto", "as it shows: tried where needed, plain after a 415"
        YES = "yes", "always"
        NO = "no", "never"

    class FirstSend(models.TextChoices):
        EMPTY = "empty", "without content; content follows its answer"
        CONTENT = "content", "with the first message"

    class Oversize(models.TextChoices):
        STREAM = "stream", "over TCP, else refused with 413"
        SPLIT = "split", "split into numbered parts over UDP"
        REFUSE = "refuse", "refused with 413"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    network = models.CharField(
        max_length=64,
        validators=[validators.network],
        help_text="Source addresses, as 127.0.0.0/8, 192.0.2.7 or 2001:db8::/32.",
    )
    enabled = models.BooleanField(default=True, help_text="A disabled peer is a stranger.")
    takes_cpim = models.CharField(
        "message/cpim",
        max_length=4,
        choices=Cpim,
        default=Cpim.AUTO,
        db_default=Cpim.AUTO,
        help_text="Whether its message-side users take message/cpim (RFC 3862).",
    )
    oversize = models.CharField(
        "larger than 1300 octets",
        max_length=6,
        choices=Oversize,
        default=Oversize.STREAM,
        db_default=Oversize.STREAM,
        help_text="What becomes of a message to it that is too large for UDP (RFC 3428 s8).",
    )
    first_send = models.CharField(
        "first SEND",
        max_length=7,
        choices=FirstSend,
        default=FirstSend.EMPTY,
        db_default=FirstSend.EMPTY,
        help_text="How a session is bound where its MSRP ends wait for our connection (RFC 4975 s5.4).",
    )
    destinations = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        validators=[validators.networks],
        help_text="Networks to which it may make the gateway send or connect, by space: what it writes into "
        "Request-URI, Contact or a=path. Empty: any address of its own scope, see GATEWAY_DESTINATIONS.",
    )
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.network})"


class Route(models.Model):
    """One line of the routes table: which requests, and what becomes of them. First match by priority wins."""

    class Method(models.TextChoices):
        ANY = "", "MESSAGE or INVITE"
        MESSAGE = "MESSAGE", "MESSAGE"
        INVITE = "INVITE", "INVITE"

    class Action(models.TextChoices):
        MSG_TO_MSRP = "msg_to_msrp", "msg_to_msrp: carry the MESSAGE into an MSRP session"
        MSRP_GW_ANSWER = "msrp_gw_answer", "msrp_gw_answer: answer the INVITE, SENDs become MESSAGEs"
        REJECT = "reject", "reject: refuse with the code and reason below"

    class WayBack(models.TextChoices):
        FROM = "from", "to the address in From"
        SOURCE = "source", "to the address that the MESSAGE came from"
        FLOW = "flow", "the same, and over the connection that it came on only"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    priority = models.PositiveIntegerField(default=100, help_text="Lower is asked first.")
    enabled = models.BooleanField(default=True)
    method = models.CharField(max_length=16, choices=Method, blank=True, default=Method.ANY)
    peer = models.ForeignKey(
        Peer,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="Only requests from this peer; empty: from any.",
    )
    source_network = models.CharField(
        max_length=64, blank=True, validators=[validators.network], help_text="Only from these addresses; empty: any."
    )
    from_pattern = models.CharField(
        max_length=255,
        blank=True,
        validators=[validators.pattern],
        help_text="Regular expression that the whole From address of record must match, as sip:.*@example\\.com.",
    )
    to_pattern = models.CharField(max_length=255, blank=True, validators=[validators.pattern])
    ruri_pattern = models.CharField("Request-URI pattern", max_length=255, blank=True, validators=[validators.pattern])
    action = models.CharField(max_length=16, choices=Action)
    reject_code = models.PositiveSmallIntegerField(default=403, validators=[validators.reject_code])
    reject_reason = models.CharField(max_length=100, default="Forbidden", blank=True, validators=[validators.one_line])
    key_template = models.CharField(
        max_length=255,
        default="{pair}",
        validators=[validators.key_template],
        help_text="Session key. {pair}: both addresses of record in sorted order; or {from}, {to}, {ruri}, {call_id}.",
    )
    content_types = models.CharField(
        max_length=255,
        default="text/plain",
        validators=[validators.content_types],
        help_text="MIME types carried, by space: text/plain message/cpim. * carries all.",
    )
    from_template = models.CharField(max_length=255, default="{from}", validators=[validators.uri_template])
    to_template = models.CharField(max_length=255, default="{to}", validators=[validators.uri_template])
    ruri_template = models.CharField(
        "Request-URI template", max_length=255, default="{ruri}", validators=[validators.uri_template]
    )
    next_hop = models.CharField(
        max_length=255,
        blank=True,
        validators=[validators.next_hop],
        help_text="Where the request this causes is sent, as sip:192.0.2.1:5060;transport=tcp. Empty: its Request-URI.",
    )
    back_hop = models.CharField(
        max_length=255,
        blank=True,
        validators=[validators.next_hop],
        help_text="Where MESSAGEs of the way back are sent (msg_to_msrp only). Empty: as below.",
    )
    way_back = models.CharField(
        max_length=6,
        choices=WayBack,
        default=WayBack.FROM,
        db_default=WayBack.FROM,
        help_text="Where MESSAGEs of the way back are sent without a back hop (msg_to_msrp only). Phones that stand "
        "behind a NAT or leave the port out of From are reached where their MESSAGEs come from; choose that where "
        "nobody may send in another's name.",
    )
    destinations = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        validators=[validators.networks],
        help_text="Networks to which requests that take this route may make the gateway send or connect, by space. "
        "Empty: what their peer may.",
    )
    notify_failure = models.BooleanField(
        default=False, help_text="Tell the sender of a failed set-up by a MESSAGE, beside the answer to their own."
    )
    failure_template = models.CharField(
        max_length=500,
        default="Your message to {to} was not delivered: {detail}",
        validators=[validators.failure_template],
        help_text="Text of that MESSAGE: {to}, {from}, {code}, {reason}, {detail}.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["priority", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=["msg_to_msrp", "msrp_gw_answer", "reject"]), name="route_action_known"
            ),
            models.CheckConstraint(
                condition=Q(reject_code__gte=300) & Q(reject_code__lte=699) & ~Q(reject_code=408),
                name="route_reject_code_final_never_408",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.priority} {self.name}"

    def clean(self) -> None:
        """Refuse a route whose action cannot take its method."""
        wanted = {"msg_to_msrp": "MESSAGE", "msrp_gw_answer": "INVITE"}.get(self.action)
        if wanted and self.method != wanted:
            raise ValidationError({"method": f"{self.action} takes {wanted} requests: choose method {wanted}."})
