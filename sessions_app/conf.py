"""The gateway's settings, each with its meaning, unit and default.

Every field of :class:`GatewayConfig` is the Django setting ``GATEWAY_<NAME>``; nothing else in ``sessions_app`` looks
at the settings module for the gateway's sake.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Final

from django.conf import settings

EVERY_OUTCOME: Final = frozenset({"delivered", "accepted", "failed", "expired"})
BODIES_KEPT: Final = {
    "until_delivered": frozenset[str](),
    "never": frozenset[str](),
    "undelivered": frozenset({"failed", "expired"}),
    "always": EVERY_OUTCOME,
}
"""What ``store_bodies`` may be, with the outcomes after which a message keeps its body."""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """How the gateway behaves. Times are seconds, sizes octets."""

    route: str = ""
    """Dotted path of the request route, a callable; empty: the routes table."""
    hash_size: int = 10
    """log2 of the number of buckets that session keys are hashed into; cleanup sweeps bucket by bucket."""
    cleanup_interval: int = 60
    """Seconds between two cleanups by Celery beat."""
    session_timeout: int = 43200
    """Silence of both sides together that ends a session; 0: never."""
    message_timeout: int = 7200
    """Silence of the message side alone that ends a session; 0: never."""
    node_name: str = "gateway-1"
    """Name of this process among the gateway's processes."""
    retention_days: int = 30
    """Days that ended sessions, messages and failures are kept; 0: for ever."""
    answer_wait: float = 10.0
    """Seconds that a MESSAGE waits for its outcome before 202; far inside Timer F (RFC 4320, RULEBOOK M14)."""
    keep_after: float = 0.05
    """Seconds that a SEND waits for the outcome of its MESSAGE before it is kept in the database and acknowledged."""
    queue_limit: int = 100
    """MESSAGEs that may wait for one session's set-up; then 480 with Retry-After."""
    queue_ttl: float = 86400.0
    """Seconds after which a message that still waits has expired, whatever its own Expires says; 0: never."""
    report_wait: float = 120.0
    """Seconds that a message which a relay took waits for the success REPORT of the MSRP peer behind it."""
    imdn_per_second: float = 20.0
    """Notifications (IMDN) a second that one session passes on; more are refused."""
    store_bodies: str = "until_delivered"
    """``until_delivered``: a body is kept while the message is owed; ``undelivered``: and, for body_retention_days
    where it failed, so that it can be sent again; ``always``: as long, whatever became of it; ``never``: nothing
    is promised that would need it, so a MESSAGE gets no 202 and a SEND waits for its outcome."""
    body_retention_days: int = 7
    """Days that bodies outlive the outcome of their message; 0: as long as their records."""
    node_timeout: float = 30.0
    """Seconds without a heartbeat after which another process takes over what a process held."""
    page_queue_limit: int = 1000
    """Messages from MSRP that may wait for one target URI, where one MESSAGE is outstanding at a time; then 413."""
    ring_timeout: float = 40.0
    """Seconds an INVITE may ring before it is cancelled."""
    connect_timeout: float = 5.0
    """Seconds to connect to an MSRP or SIP peer over TCP."""
    bind_timeout: float = 30.0
    """Seconds the active MSRP peer has to send its first SEND (RFC 4975 s5.4)."""
    max_message_size: int = 10 * 1024 * 1024
    """Largest MSRP message accepted; offered as max-size."""
    max_page_size: int = 65000
    """Largest body accepted in a SIP MESSAGE."""
    sip_max_message: int = 1_048_576
    """Largest SIP message, whole; larger ones are answered 513."""
    sip_max_headers: int = 256
    """Most header fields in a SIP message; 513 above."""
    sip_max_header_length: int = 8_192
    """Longest header field of a SIP message, in characters; 513 above."""
    max_sessions: int = 200_000
    """Sessions one process holds; then 503 with Retry-After."""
    max_transactions: int = 500_000
    """SIP server transactions one process remembers; then 503 with Retry-After."""
    max_unanswered: int = 5_000
    """Requests to one address that may wait for an answer (256 where it has never answered); then no more are sent."""
    max_unacknowledged: int = 5_000
    """INVITEs of one address whose ACK may be outstanding (256 where none ever came); then 503 with Retry-After."""
    max_setups: int = 5_000
    """Sessions that the MESSAGEs of one address may have in set-up; then 503 with Retry-After."""
    sessions_per_second: float = 5_000.0
    """Sessions a second that one address may begin, by MESSAGE or INVITE, twice as many at once, and all addresses
    together four times as many; then 503 with Retry-After."""
    reject_silently: bool = False
    """Answer nothing, instead of 403, to strangers."""
    sip_idle_timeout: float = 600.0
    """Seconds a SIP connection over TCP may be silent."""
    sip_write_timeout: float = 10.0
    """Seconds that a SIP peer over TCP may leave unread what waits for it; then its connection is closed."""
    max_connections: int = 50_000
    """TCP connections of peers that may come in at once, as far as there are file descriptors; more are closed."""
    max_connections_per_peer: int = 20_000
    """Of them, those of one address."""
    refusals_per_second: float = 100.0
    """Requests of strangers that are answered 403, a tenth of it for one address; what is over is dropped unread."""
    stranger_timeout: float = 10.0
    """Seconds that a stranger's SIP connection has to show its request."""
    max_held_bytes: int = 256 * 1024 * 1024
    """Octets held of what is not whole yet or waits for its turn: halves of messages, queues; more is refused."""
    public_host: str = ""
    """Address by which peers reach this machine; needed where a listener is on all interfaces or behind NAT."""
    destinations: str = ""
    """Networks, by blank or comma, to which peers may make the gateway send or connect by what they write into
    Request-URI, Contact, Record-Route or a=path; empty: any address of their own scope (docs/security.md)."""
    drain_timeout: float = 10.0
    """Seconds that a stopping gateway waits for what is under way."""
    trace: str = "failures"
    """Whose frames are stored for the ladder: ``off``, ``failures`` (sessions in which something failed), ``all``."""
    trace_days: int = 7
    """Days that frames are kept; 0: as long as their sessions."""
    trace_bytes: int = 256 * 1024 * 1024
    """Octets that the table of frames may take; the oldest go."""
    trace_ring: int = 32 * 1024 * 1024
    """Octets of the newest frames held in memory, among which those of a failure are found."""
    trace_bodies: str = "mask"
    """``mask``: the octets of bodies are replaced before frames are stored or exported; ``keep``: they are kept."""
    hep: str = ""
    """host:port of a HEP v3 collector (HOMER) that gets every frame, over UDP; empty: none."""
    hep_id: int = 2001
    """Capture agent id of this process there."""
    hep_password: str = ""
    """What the collector asks for."""
    playground: str = "auto"
    """Whether staff have /playground/: ``yes``, ``no``, or ``auto``, which is where DEBUG is on."""
    mi_networks: str = "127.0.0.0/8 ::1/128"
    """Networks that may use /mi, and to which it may have events sent."""
    mi_token: str = field(default="", repr=False)
    """What /mi asks for as ``Authorization: Bearer``, beside the address; empty: the address is enough."""
    metrics_networks: str = "127.0.0.0/8 ::1/128"
    """Networks that may read /metrics, and the details of /readyz."""
    metrics_token: str = field(default="", repr=False)
    """What /metrics asks for as ``Authorization: Bearer``, beside the address; empty: the address is enough."""

    @property
    def promises(self) -> bool:
        """Whether a message may be acknowledged before it is delivered: only where its body may be kept."""
        return self.store_bodies != "never"

    @property
    def bodies_kept(self) -> frozenset[str]:
        """Outcomes after which a message keeps its body: states of its row."""
        return BODIES_KEPT.get(self.store_bodies, frozenset())

    @property
    def buckets(self) -> int:
        """Number of buckets."""
        return 1 << self.hash_size


def gateway_config() -> GatewayConfig:
    """The settings as they stand now."""
    return GatewayConfig(
        **{
            field.name: getattr(settings, "GATEWAY_" + field.name.upper(), field.default)
            for field in fields(GatewayConfig)
        }
    )
