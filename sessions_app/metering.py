"""What a gateway process counts of its own doing: for /metrics, and minute by minute for the dashboard.

Counting happens on the event loop and costs about a microsecond a message; writing happens elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import HistogramMetricFamily, Metric

if TYPE_CHECKING:
    from sessions_app.gateway.carried import Carried

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)
"""Seconds from a message's arrival to its outcome, upper bounds; what is longer is in the last place."""
MOST_PEERS: Final = 200
"""Different peers that are told apart; further ones are "other"."""

MOST_SERIES: Final = 2000
"""Combinations of direction, outcome, code and peer that are told apart; the rest counts for the peer "other"."""
CODES: Final = frozenset(
    {200, 202, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 413, 414, 415, 416, 420, 421, 423, 425, 428, 429, 430}
    | {433, 436, 437, 438, 439, 440, 469, 470, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494}
    | {500, 501, 502, 503, 504, 505, 506, 513, 555, 580, 600, 603, 604, 606, 607, 608}
)
"""SIP's registered codes, and MSRP's. Of any other one only the class is a label: a peer may answer what it likes."""

disable_created_metrics()  # a second series for each counter, which says when it began
REGISTRY: Final = CollectorRegistry()
MESSAGES: Final = Counter(
    "parley_messages",
    "Messages with an outcome.",
    ["direction", "outcome", "code", "peer"],
    registry=REGISTRY,
)


class DeliveryTimes:
    """The histogram of delivery times, added up here: the library's own takes two locks a message."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], list[int]] = {}
        self._sums: dict[tuple[str, str], float] = {}

    def add(self, direction: str, outcome: str, place: int, number: int, seconds: float) -> None:
        """``number`` messages in the bucket ``place`` of BOUNDS, which took ``seconds`` together."""
        name = (direction, outcome)
        places = self._places.get(name)
        if places is None:
            places = self._places[name] = [0] * (len(BOUNDS) + 1)
            self._sums[name] = 0.0
        places[place] += number
        self._sums[name] += seconds

    def collect(self) -> Iterator[Metric]:
        """As the registry asks for it."""
        family = HistogramMetricFamily(
            "parley_delivery_seconds",
            "Time from a message's arrival to its outcome.",
            labels=["direction", "outcome"],
        )
        for name, places in list(self._places.items()):
            bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
            family.add_metric(name, list(zip(bounds, accumulate(places), strict=True)), self._sums[name])
        yield family


DELIVERY: Final = DeliveryTimes()
REGISTRY.register(DELIVERY)
COUNTED: Final = Counter("parley_gateway", "What else the gateway counts, by name.", ["what"], registry=REGISTRY)
TRACE_LOST: Final = Counter(
    "parley_trace_lost",
    "What the trace did not keep: entries of sockets, sessions of which too many failed at once, refusals over their "
    "rate, rounds that the database did not take.",
    ["what"],
    registry=REGISTRY,
)
for _what in ("entries", "sessions", "refusals", "rounds"):
    TRACE_LOST.labels(_what)  # 0 is a number, too
SESSIONS: Final = Gauge("parley_sessions", "Sessions that have not ended.", ["state"], registry=REGISTRY)
CERTIFICATES: Final = Gauge(
    "parley_certificate_expires_timestamp_seconds",
    "End of the validity of certificates, seconds since 1970: our own, and those of next hops by their URI.",
    ["of"],
    registry=REGISTRY,
)
QUEUE: Final = Gauge("parley_queue_depth", "Messages that wait, by queue.", ["queue"], registry=REGISTRY)
LAG: Final = Histogram(
    "parley_loop_lag_seconds",
    "Lateness of the event loop.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
    registry=REGISTRY,
)
BATCHES: Final = Histogram(
    "parley_batch_rows",
    "Rows of a transaction of the audit.",
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10000),
    registry=REGISTRY,
)


def percentile(latency: Sequence[int], part: float) -> float | None:
    """Seconds below which ``part`` of the messages had their outcome, by interpolation; None without messages."""
    total = sum(latency)
    if not total:
        return None
    wanted, passed = part * total, 0.0
    for place, number in enumerate(latency):
        if number and passed + number >= wanted:
            low = BOUNDS[place - 1] if place else 0.0
            high = BOUNDS[place] if place < len(BOUNDS) else 2 * BOUNDS[-1]
            return low + (high - low) * (wanted - passed) / number
        passed += number
    return BOUNDS[-1]


def code_label(code: int | None) -> str:
    """A code as a label: itself where it is a registered one, else its class; ``none`` where no answer came."""
    if not code:
        return "none"
    return str(code) if code in CODES else f"{code // 100}xx"


class Meters:
    """The counters of one process since they were last taken."""

    def __init__(self, node: str) -> None:
        self.node = node
        self._tally = self._empty()
        self._outcomes: dict[tuple[str, str, int | None, str, int], list[float]] = {}
        self._peers: set[str] = set()
        self._series: set[tuple[str, str, str, str]] = set()
        self._seen: dict[str, int] = {}

    def _empty(self) -> dict[str, Any]:
        return {
            "to_msrp": 0,
            "to_page": 0,
            "failed": 0,
            "established": 0,
            "setup_failures": 0,
            "latency": [0] * (len(BOUNDS) + 1),
            "queue": 0,
            "sessions": 0,
            "loop_lag": 0.0,
        }

    def outcome(self, message: Carried, state: str, at: float, sip_code: int | None, msrp_code: int | None) -> None:
        """A message has its outcome; ``at`` by the wall clock."""
        direction = message.direction
        took = at - message.received_at
        code = msrp_code if direction == "to_msrp" else sip_code
        name = (direction, state, code, message.session.source, bisect_left(BOUNDS, took))
        known = self._outcomes.get(name)
        if known is None:
            self._outcomes[name] = [1, took]
        else:
            known[0] += 1
            known[1] += took

    def _add_up(self) -> None:
        tally = self._tally
        outcomes, self._outcomes = self._outcomes, {}
        for (direction, state, code, peer, place), (count, seconds) in outcomes.items():
            number = int(count)
            tally[direction if state in ("delivered", "accepted") else "failed"] += number
            tally["latency"][place] += number
            self._count(direction, state, code_label(code), self._peer(peer), number)
            DELIVERY.add(direction, state, place, number, seconds)

    def _peer(self, address: str) -> str:
        if address in self._peers or len(self._peers) < MOST_PEERS:
            self._peers.add(address)
            return address
        return "other"

    def _count(self, direction: str, state: str, code: str, peer: str, number: int) -> None:
        series = direction, state, code, peer
        if series not in self._series:
            if len(self._series) >= MOST_SERIES:
                series = direction, state, code, "other"
            else:
                self._series.add(series)
        MESSAGES.labels(*series).inc(number)

    def look(self, gateway: Any, store: Any, lag: float) -> None:
        """Depths and counts as they stand now; ``lag`` of the loop in seconds."""
        self._add_up()
        tally = self._tally
        for name, number in gateway.counted().items():
            new = number - self._seen.get(name, 0)
            if new:
                self._seen[name] = number
                COUNTED.labels(name).inc(new)
                if name == "sessions_established":
                    tally["established"] += new
                elif name == "setup_failures":
                    tally["setup_failures"] += new
        live = len(gateway.sessions)
        to_page = gateway.page_side.waiting
        SESSIONS.labels("all").set(live)
        QUEUE.labels("message_side").set(to_page)
        QUEUE.labels("database").set(store.waiting)
        QUEUE.labels("sip_transactions").set(gateway.layer.pending)
        LAG.observe(lag)
        tally["queue"] = max(tally["queue"], to_page + gateway.layer.pending)
        tally["sessions"] = max(tally["sessions"], live)
        tally["loop_lag"] = max(tally["loop_lag"], lag)

    def take(self) -> dict[str, Any]:
        """What was counted since the last time, and begin anew."""
        self._add_up()
        tally, self._tally = self._tally, self._empty()
        return tally


_ADD: Final = """
INSERT INTO sessions_app_traffic AS t
       (node, minute, to_msrp, to_page, failed, established, setup_failures, latency, queue, sessions, loop_lag)
VALUES (%(node)s, %(minute)s, %(to_msrp)s, %(to_page)s, %(failed)s, %(established)s, %(setup_failures)s,
        %(latency)s::int[], %(queue)s, %(sessions)s, %(loop_lag)s)
ON CONFLICT (minute, node) DO UPDATE SET
    to_msrp = t.to_msrp + excluded.to_msrp,
    to_page = t.to_page + excluded.to_page,
    failed = t.failed + excluded.failed,
    established = t.established + excluded.established,
    setup_failures = t.setup_failures + excluded.setup_failures,
    latency = (SELECT array_agg(coalesce(a, 0) + coalesce(b, 0) ORDER BY place)
                 FROM unnest(t.latency, excluded.latency) WITH ORDINALITY AS both_of (a, b, place)),
    queue = greatest(t.queue, excluded.queue),
    sessions = greatest(t.sessions, excluded.sessions),
    loop_lag = greatest(t.loop_lag, excluded.loop_lag)
"""


def write(connection: Any, node: str, at: float, tally: dict[str, Any]) -> None:
    """Add what was counted to the row of its minute, by a psycopg connection."""
    minute = datetime.fromtimestamp(int(at) // 60 * 60, UTC)
    connection.execute(_ADD, {"node": node, "minute": minute, **tally})
