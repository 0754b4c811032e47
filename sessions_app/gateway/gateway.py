"""The gateway of one process: takes what the two stacks bring, finds or makes the session, keeps the house.

No sockets and no clock of its own: the host (:mod:`sessions_app.host`) brings bytes and the time, and takes bytes away.
"""

from __future__ import annotations

import itertools
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from protocols.held import HeldOctets
from protocols.msrp.endpoint import MsrpEndpoint
from protocols.msrp.ids import new_session_id
from protocols.msrp.limits import Limits
from protocols.quota import Quota
from protocols.rate import TokenBuckets
from protocols.sip.errors import SipError
from protocols.sip.far_ends import FarEnds
from protocols.sip.flow import Address, Target
from protocols.sip.ids import new_call_id
from protocols.sip.invite_server import uas_dialog
from protocols.sip.limits import SipLimits
from protocols.sip.locate import Locator, numeric
from protocols.sip.strangers import Strangers
from protocols.sip.transaction_client import Failure
from protocols.sip.transaction_layer import TransactionLayer
from protocols.sip.transaction_server import InviteServerTransaction, ServerTransaction
from protocols.sip.transaction_server import State as TransactionState
from protocols.sip.transports import Transports
from protocols.sip.uri import SipUri
from protocols.sip.user_agent import ALLOW, UserAgent
from protocols.sip.validate import check_hops
from protocols.timers import TimerWheel
from sessions_app.cause import Cause, Side, over
from sessions_app.conf import GatewayConfig
from sessions_app.gateway import arrivals, intake, reconnect, session_row, telling
from sessions_app.gateway.carried import Carried
from sessions_app.gateway.database_away import DatabaseAway
from sessions_app.gateway.description import Description, UnusableOffer, read_description
from sessions_app.gateway.destinations import Destinations
from sessions_app.gateway.duplicates import SeenBefore, SeenOnMsrp
from sessions_app.gateway.msrp_side import MsrpSide
from sessions_app.gateway.notices import Notices
from sessions_app.gateway.notifications import Notifications, new_imdn_id
from sessions_app.gateway.outcomes import MESSAGE_IN_VAIN, setup_cause
from sessions_app.gateway.page_end import Profile, carried_headers
from sessions_app.gateway.page_side import PageSide
from sessions_app.gateway.routing import Decision, RouteRequest
from sessions_app.gateway.session import Session
from sessions_app.gateway.session_row import State
from sessions_app.gateway.silence import silence
from sessions_app.gateway.to_msrp import ToMsrp
from sessions_app.store import message_rows
from sessions_app.store.confirmations import Confirmation
from sessions_app.store.writer import Obligation

CHUNK_SLACK = 1024 * 1024
"""Octets that a chunk may be over the message limit and still be answered 413, its connection staying open."""
HOUSEKEEPING = 0.25
"""Seconds between two looks at what is due in both stacks."""
SESSIONS_A_TURN = 100
"""Changed sessions whose counters go to the records in one look; a bound on the work, whatever their number."""


class Store(Protocol):
    """What the gateway keeps; :class:`sessions_app.store.writer.Writer` in earnest."""

    @property
    def healthy(self) -> bool: ...
    @property
    def full(self) -> bool: ...
    def new_session(self, values: dict[str, Any]) -> None: ...
    def change_session(self, identity: str, changes: dict[str, Any]) -> None: ...
    def keep_message(
        self, session: str, line: str, committed: Callable[[Any], object], context: Any, *, with_audit: bool = False
    ) -> Obligation: ...
    def new_message(self, line: str) -> None: ...
    def finish_message(
        self, obligation: Obligation, outcome: str, then: Callable[[], object] | None = None
    ) -> None: ...
    def confirm(self, news: Confirmation) -> None: ...
    def setup_failure(self, values: dict[str, Any], committed: Callable[[Any], object] | None = None) -> None: ...
    def event(self, line: str) -> None: ...


class Gateway:
    """Sessions by key, and both stacks.

    ``route`` is the request route, ``trusts`` says whether a source may talk to us. ``sip_listener`` and
    ``msrp_listener`` are where peers reach us, as they stand in Contact and in a=path, ``tls_listener`` the one that
    SIP peers reach over TLS. ``profiles`` says how the peer at an address takes messages, ``destinations`` where
    requests may be sent.
    """

    accept = "*/*"

    def __init__(
        self,
        config: GatewayConfig,
        store: Store,
        *,
        now: float,
        sip_listener: Address,
        msrp_listener: Address,
        tls_listener: Address | None = None,
        route: Callable[[RouteRequest], None],
        trusts: Callable[[str], bool],
        profiles: Callable[[str], Profile] = lambda _: Profile(),
        destinations: Destinations | None = None,
        announce: Callable[[dict[str, Any]], object] | None = None,
    ) -> None:
        self.config = config
        self.bodies_kept = config.bodies_kept
        self.store = store
        self.route = route
        self.trusts = trusts
        self.profiles = profiles
        self.announce = announce
        self.sip_listener = sip_listener
        self.msrp_listener = msrp_listener
        self.uri = f"sip:{sip_listener}"
        """Our own address."""
        self._contact = f"<{self.uri}>"
        self._secure_contact = self._contact if tls_listener is None else f"<sip:{tls_listener};transport=tls>"
        self.allow = ALLOW
        self.wheel = TimerWheel(now)
        self.transports = Transports()
        self.held = HeldOctets(config.max_held_bytes)
        """All octets that wait here to become whole, or for their turn."""
        self.endpoint = MsrpEndpoint(
            Limits(
                max_frame_body=config.max_message_size + CHUNK_SLACK,
                max_message_bytes=config.max_message_size,
                bind_timeout=config.bind_timeout,
            ),
            self.held,
        )
        limits = SipLimits(
            max_message=config.sip_max_message,
            max_headers=config.sip_max_headers,
            max_header_length=config.sip_max_header_length,
        )
        layer = TransactionLayer(
            self.wheel,
            self.transports,
            limits=limits,
            limit=config.max_transactions,
            far_ends=FarEnds(
                trusts,
                most_unanswered=config.max_unanswered,
                most_unacknowledged=config.max_unacknowledged,
            ),
            strangers=Strangers(silent=config.reject_silently),
        )
        if destinations is None:
            destinations = Destinations([each for each in (sip_listener, msrp_listener, tls_listener) if each])
        self.agent = UserAgent(layer, Locator(lambda: self.wheel.now, destinations.refusal), self)
        self.layer = layer
        self.msrp_side = MsrpSide(self)
        self.page_side = PageSide(self)
        self.notifications = Notifications(self)
        self.notices = Notices(self, telling.withheld)
        self.seen = SeenOnMsrp()
        self.seen_before = SeenBefore()
        self.new_imdn_id = new_imdn_id
        self.new_call_id = new_call_id
        self.sessions: dict[str, Session] = {}
        """Sessions that have not ended, by key."""
        self.by_id: dict[str, Session] = {}
        self.dirty: dict[Session, None] = {}
        self.setups = Quota(config.max_setups, config.max_setups)
        """Sessions that MESSAGEs of a source have in set-up."""
        rate = config.sessions_per_second
        self._beginnings = TokenBuckets(rate, 2 * rate, all_rate=4 * rate, all_burst=8 * rate, now=now)
        self.database_away = DatabaseAway(store, self.wheel)
        self.counts: Counter[str] = Counter()
        self.draining = False
        self.observe: Callable[[Carried, str, float, int | None, int | None], object] | None = None
        """Told of every message's outcome: the message, its state, when (wall clock), SIP code and MSRP code."""
        self._wall_offset = time.time() - now
        self.wheel.start(HOUSEKEEPING, self._housekeeping)

    # ------------------------------------------------------------------------------ time

    def wall(self) -> float:
        """Seconds since 1970, as of the last advance."""
        return self.wheel.now + self._wall_offset

    def wall_of(self, at: float) -> float:
        """Seconds since 1970 of a moment of the host's steady clock."""
        return at + self._wall_offset

    def advance(self, now: float) -> None:
        """The time is ``now``, in seconds of the host's steady clock; do what is due."""
        self.wheel.advance(now)

    def _housekeeping(self, _: object) -> None:
        now = self.wheel.now
        self.wheel.start(HOUSEKEEPING, self._housekeeping)
        self._wall_offset = time.time() - now
        self.layer.advance(now)
        deadline = self.endpoint.next_deadline()
        if deadline is not None and deadline <= now:
            self.msrp_side.handle(self.endpoint.expire(now))
        for session in list(itertools.islice(self.dirty, SESSIONS_A_TURN)):
            del self.dirty[session]
            self.store.change_session(session.id, session_row.progress(session))
        self.database_away.look()

    def count(self, what: str) -> None:
        """One more of it."""
        self.counts[what] += 1

    def counted(self) -> dict[str, int]:
        """How often what has happened, for the metrics: here, and in the transaction layer (``sip_`` before it)."""
        strangers = self.layer.strangers
        of_sip = {f"sip_{name}": number for name, number in self.layer.counts.items()}
        return {**self.counts, **of_sip, "strangers": strangers.refused + strangers.unanswered}

    def bucket(self, key: str) -> int:
        """The hash bucket of a session key; it is the same in every process."""
        return zlib.crc32(key.encode("utf-8", "surrogateescape")) & (self.config.buckets - 1)

    def _profile_by_uri(self, uri: str) -> Profile:
        """The profile before the address is looked up: where the URI has none, it is not known yet."""
        host = _numeric_host(uri)
        return Profile() if host is None else self.profiles(host)

    def contact(self, *, secure: bool) -> str:
        """Where peers reach us for a dialog; ``secure``: one that began over TLS goes on over TLS."""
        return self._secure_contact if secure else self._contact

    def new_path(self) -> str:
        """A fresh MSRP URI of ours (RULEBOOK S2, S3)."""
        return f"msrp://{self.msrp_listener}/{new_session_id()};tcp"

    # ------------------------------------------------------------------- requests from SIP

    def on_message(self, transaction: ServerTransaction) -> None:
        """A MESSAGE outside a dialog."""
        decision = self._decide(transaction)
        if decision is None:
            return
        if decision.action != "msg_to_msrp":
            transaction.respond(405, headers=[("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS")])
            return
        intake.from_page(self, transaction, decision)

    @property
    def full(self) -> bool:
        """Whether no more sessions may begin."""
        return self.draining or len(self.sessions) >= self.config.max_sessions

    def may_begin(self, source: str) -> bool:
        """Whether one more session may begin for a peer now; else it is to be refused once, with 503."""
        if self._beginnings.take(source, self.wheel.now):
            return True
        self.count("sessions_over_rate")
        return False

    def is_silent(self, decision: Decision) -> bool:
        """Whether a session would be called for in vain, as its host leaves too many requests unanswered.

        Known here only of a host that is an address; of a name it shows once that has been looked up.
        """
        host = _numeric_host(decision.next_hop or decision.ruri)
        if host is None or self.layer.far_ends.has_room(host):
            return False
        self.layer.counts["unanswered"] += 1
        return True

    def make_session(self, decision: Decision, transaction: ServerTransaction) -> Session:
        """A session that a MESSAGE begins; it is known by its key from now on and has yet to call.

        It counts among the set-ups of its source, of which :attr:`setups` has room for one.
        """
        session = Session(self, decision, "message", transaction.source[0], _max_forwards(transaction))
        session.page.headers = carried_headers(transaction.request)
        session.counts_as_setup = True
        self.add(session)
        return session

    def begin(self, decision: Decision, source: str, waiting: Iterable[ToMsrp]) -> None:
        """A new session for messages whose own one is lost."""
        session = Session(self, decision, "message", source, 70)
        before = self.sessions.get(decision.key)
        if before is not None:
            session.inherit(before.give_way("replaced by a new session"))
        session.inherit(waiting)
        self.add(session)
        session.call()

    def on_invite(self, transaction: InviteServerTransaction) -> None:
        """An INVITE outside a dialog."""
        decision = self._decide(transaction)
        if decision is None:
            return
        if decision.action != "msrp_gw_answer":
            transaction.respond(405, headers=[("Allow", "MESSAGE, OPTIONS")])
            return
        request = transaction.request
        if self.full or not self.may_begin(transaction.source[0]):
            transaction.refuse_once(503, retry_after=10)
            return
        if self.store.full or not self.store.healthy:  # a session without a row is lost with the process
            self.count("database_away")
            transaction.refuse_once(503, "The records cannot be written")
            return
        session = Session(self, decision, "msrp", transaction.source[0], _max_forwards(transaction))
        session.page.headers = carried_headers(request)
        session.page.set_profile(self._profile_by_uri(session.page.hop or session.page.ruri))
        try:
            description = read_description(request, decision.content_types, offer=True)
            uas_dialog(transaction)  # refuses a Contact that no dialog can be made of, before anything gives way to it
        except (UnusableOffer, SipError) as error:
            transaction.respond(error.code, error.reason, headers=error.headers)
            layer = error.layer if isinstance(error, UnusableOffer) else "sip"
            self.setup_failed(session, Cause(Side.MSRP, layer, error.reason), None, error.code, 0, recorded=False)
            return
        no_room = arrivals.refusal(session, description.messages)
        if no_room is not None:
            transaction.respond(*no_room)
            return
        # Where its SENDs are to go is found out before they are promised anything: it may be nowhere, or here.
        hop = session.page.hop or session.page.ruri
        self.agent.locator.locate(
            hop, lambda found: self._invited(session, transaction, description, found), session.origin(hop)
        )

    def _invited(
        self,
        session: Session,
        transaction: InviteServerTransaction,
        description: Description,
        found: Target | Failure,
    ) -> None:
        """The way from an INVITE to the message side is known, or why there is none."""
        if transaction.state is not TransactionState.PROCEEDING:
            return  # cancelled meanwhile
        if isinstance(found, Failure) and found.layer in MESSAGE_IN_VAIN:
            answer = setup_cause(found.layer)
            transaction.respond(answer.code, answer.reason)
            cause = Cause(Side.MESSAGE, found.layer, found.detail)
            self.setup_failed(session, cause, None, answer.code, 0, recorded=False)
            return
        before = self.sessions.get(session.key)
        if before is not None:
            session.inherit(before.give_way("replaced by a new INVITE"))
        self.add(session)
        media, messages = description
        session.expect(transaction, media)
        transaction.context = session
        arrivals.keep(session, transaction, messages, lambda: session.answer(transaction, media))

    def on_cancelled(self, transaction: InviteServerTransaction) -> None:
        """An INVITE that waits for the database is given up; most are answered at once."""
        session = transaction.context
        if isinstance(session, Session):
            reconnect.given_up(session, "cancelled by the MSRP side")

    def _decide(self, transaction: ServerTransaction) -> Decision | None:
        """Ask the route; None if the request is answered, or deliberately not answered, already."""
        request = transaction.request
        source = transaction.source[0]
        try:
            check_hops(request)
        except SipError as error:
            transaction.respond(error.code, error.reason)
            return None
        asked = RouteRequest(request, source)
        self.route(asked)
        decision = asked.decision
        if decision is None:
            self.count("no_route")
            transaction.respond(403, "No route takes this request")
            return None
        if decision.action == "reject":
            self.count("rejected")
            transaction.respond(decision.code, decision.reason)
            return None
        return decision

    # --------------------------------------------------------------------------- sessions

    def add(self, session: Session) -> None:
        """A new session; it is known by its key from now on."""
        self.sessions[session.key] = session
        self.by_id[session.id] = session

    def forget(self, session: Session) -> None:
        """The session has ended."""
        if self.sessions.get(session.key) is session:
            del self.sessions[session.key]
        self.by_id.pop(session.id, None)

    def end_session(self, identity: str, by: str) -> str:
        """End a session of ours at somebody's wish; what came of it in words."""
        session = self.by_id.get(identity)
        if session is None:
            return "no such live session here"
        if session.state is State.SETTING_UP and session.initiator == "message":
            session.fail(Cause(Side.MSRP, "policy", f"ended by {by}"))
        else:
            session.end(over(f"ended by {by}"))
        return "ended"

    def expire_session(self, identity: str) -> str:
        """End a session if it is silent, by our own up-to-date times (DEFECTS D1, D2)."""
        session = self.by_id.get(identity)
        if session is None:
            return "no such live session here"
        reason = silence(self.config, self.wheel.now, session.last_message_at, session.last_send_at)
        if reason is None:
            session.touch()  # its row looks silent: the clock was set, or it is late
            return "not silent any more"
        session.end(over(reason))
        return reason

    def setup_failed(
        self,
        session: Session,
        cause: Cause,
        reason: str | None,
        answered: int,
        waiting: int,
        *,
        recorded: bool = True,
    ) -> None:
        """E_MSRP_GW_SETUP_FAILED. ``recorded`` False: the session got no row of its own."""
        self.count("setup_failures")
        decision = session.decision
        now = self.wall()
        self.store.setup_failure(
            {
                "id": message_rows.new_id(now),
                "session_id": session.id if recorded else None,
                "key": session.key,
                "from_uri": decision.from_uri,
                "to_uri": decision.to_uri,
                "ruri": decision.ruri,
                "code": cause.code,
                "reason": reason,
                "leg": cause.side.value,
                "layer": cause.layer,
                "detail": cause.text,
                "answered": answered,
                "waiting": waiting,
                "node": self.config.node_name,
                "created_at": now,
            },
            self.announce,
        )

    def drain(self) -> None:
        """Take nothing new on, and end every session with a BYE."""
        self.draining = True
        for session in list(self.by_id.values()):
            session.end(over("the gateway is stopping"))


def _max_forwards(transaction: ServerTransaction) -> int:
    """Max-Forwards of the request, 70 where it has none (RFC 3261 s8.1.1.6, RULEBOOK U1)."""
    value = transaction.request.max_forwards
    return 70 if value is None else value


def _numeric_host(uri: str) -> str | None:
    """The host of a SIP URI where it is an address."""
    try:
        return numeric(SipUri.parse(uri).host.strip("[]"))
    except SipError:
        return None
