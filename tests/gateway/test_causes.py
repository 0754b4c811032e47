"""A cause is a value from where it is known to the row: whoever ends a message names a side and a layer."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from protocols.msrp.events import Layer
from protocols.sip import flow
from sessions_app.cause import LAYERS, Cause, Side
from sessions_app.gateway import destinations
from sessions_app.gateway.page_end import Profile
from sessions_app.store import columns
from tests.gateway.rig import PAGE, Rig
from tests.gateway.test_early_reports import PEER, RELAYED, Reporting

ROOT = Path(__file__).resolve().parents[2]
NOTHING = ("", "", r"\N", "", "")
NAMES = ("side", "layer", "code", "lost_with", "detail")
PLACE_OF_LAYER = {"Cause": 1, "Failure": 0, "UnusableOffer": 1, "leg_lost": 0, "msrp_unreachable": 0}
"""What takes a layer, and which of its arguments that is."""


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Every call of those, with the place where it is."""
    for floor in ("protocols", "sessions_app"):
        for path in sorted((ROOT / floor).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                    if name in PLACE_OF_LAYER and node.args:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", name, node


def test_every_layer_that_is_named_is_a_known_one() -> None:
    named = {
        (where, argument.value)
        for where, name, call in calls()
        for argument in ast.walk(call.args[PLACE_OF_LAYER[name]])
        if isinstance(argument, ast.Constant)
    }
    assert len(named) > 30
    assert [(where, layer) for where, layer in sorted(named) if layer not in LAYERS | {""}] == []


def test_so_is_every_layer_that_comes_from_below() -> None:
    passed_on = {
        ast.unparse(call.args[PLACE_OF_LAYER[name]])
        for _, name, call in calls()
        if not isinstance(call.args[PLACE_OF_LAYER[name]], ast.Constant)
    }
    # A Failure's, a SendOutcome's, those of an unusable description, and what the constants here say.
    assert {each.rpartition(".")[2] for each in passed_on} == {"layer", "DESTINATION", "LOOP", "ENDED"}
    assert set(get_args(Layer)) <= LAYERS
    assert {destinations.DESTINATION, destinations.LOOP} <= LAYERS
    assert {flow.Target(each, "192.0.2.1", 5060).layer for each in ("UDP", "TCP", "TLS")} <= LAYERS


def test_whoever_makes_a_cause_says_whose_it_is() -> None:
    sides = {ast.unparse(call.args[0]) for where, name, call in calls() if name == "Cause"}
    read_from_columns = {"Side(self.side)", "Side(self.leg)", "Side(side)", "Side(leg)"}
    of_its_direction = {"side"}
    assert sides == {f"Side.{side.name}" for side in Side} | read_from_columns | of_its_direction


# ---------------------------------------------------------------------------------------------------------- rows


def causes(rig: Rig, state: str = "failed") -> list[tuple[str, ...]]:
    """The causes in the rows of messages that ended so, as they go into the database."""
    found = []
    for forms, lines in ((columns.MESSAGE, rig.store.messages), (columns.MESSAGE_OUTCOME, rig.store.outcomes)):
        for line in lines:
            row = dict(zip(forms, line.removesuffix("\n").split("\t"), strict=True))
            if row["state"] == state:
                found.append(tuple(row[name] for name in NAMES))
    return found


def refused_set_up(rig: Rig) -> None:
    rig.message()
    rig.answer(rig.flow.take("INVITE"), 486, "Busy Here")


def unanswered_set_up(rig: Rig) -> None:
    rig.message()
    rig.flow.take("INVITE")
    rig.advance(60.0)


def full_queue(rig: Rig) -> None:
    for _ in range(2):
        rig.message()


def stopped(rig: Rig) -> None:
    rig.message()
    rig.gateway.drain()


def by_an_operator(rig: Rig) -> None:
    rig.message()
    (session,) = rig.gateway.by_id
    rig.gateway.end_session(session, "otto")


def refused_send(rig: Rig) -> None:
    reporting = Reporting(PEER)
    reporting.respond(413)
    rig.store = reporting.store


def reported(rig: Rig) -> None:
    reporting = Reporting(RELAYED)
    reporting.report(413)
    rig.store = reporting.store


def unanswered_send(rig: Rig) -> None:
    reporting = Reporting(PEER)
    reporting.advance(40.0)
    rig.store = reporting.store


def expired(rig: Rig) -> None:
    rig.message()
    (session,) = rig.gateway.by_id.values()
    session.queue[0].expire()


TO_MSRP: list[tuple[Callable[[Any], None], dict[str, Any], tuple[str, ...]]] = [
    (refused_set_up, {}, ("msrp", "sip", "486", "setup", "486 Busy Here")),
    (unanswered_set_up, {}, ("msrp", "timer", r"\N", "setup", "no answer to INVITE in 32 s")),
    (full_queue, {"queue_limit": 1}, ("gateway", "queue", r"\N", "", "full")),
    (stopped, {}, ("gateway", "session", r"\N", "session", "the gateway is stopping")),
    (by_an_operator, {}, ("msrp", "policy", r"\N", "setup", "ended by otto")),
    (refused_send, {}, ("msrp", "response", "413", "", "413 x")),
    (reported, {}, ("msrp", "report", "413", "", "REPORT 413 x")),
    (unanswered_send, {}, ("msrp", "timeout", r"\N", "", "no response")),
]


@pytest.mark.parametrize(("happens", "config", "cause"), TO_MSRP, ids=[each[0].__name__ for each in TO_MSRP])
def test_a_message_to_msrp_has_the_cause_of_its_end(
    happens: Any, config: dict[str, Any], cause: tuple[str, ...]
) -> None:
    rig = Rig(**config)
    happens(rig)
    rig.store.commit()
    assert set(causes(rig)) == {cause}


def test_one_that_expired_says_so() -> None:
    rig = Rig()
    expired(rig)
    assert causes(rig, "expired") == [("gateway", "expiry", r"\N", "", "expired")]


# ------------------------------------------------------------------------------------------------ to the message side


class Sending(Rig):
    """The chat side sends in a live session."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.connection, self.ours = self.live()
        self.store.messages.clear()

    def send(self, body: bytes = b"hello") -> None:
        self._branch += 1
        number, size = self._branch, len(body)
        data = b"MSRP t%d SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: i%d\r\nByte-Range: 1-%d/%d\r\n" % (
            *(number, self.ours, PEER, number, size, size),
        )
        data += b"Content-Type: text/plain\r\n\r\n%s\r\n-------t%d$\r\n" % (body, number)
        self.gateway.msrp_side.handle(self.connection.receive(data, self.now))

    def refuse(self, code: int, reason: str) -> None:
        self.answer(self.flow.take("MESSAGE"), code, reason, source=PAGE)


def refused(rig: Sending) -> None:
    rig.send()
    rig.refuse(486, "Busy Here")


def no_answer(rig: Sending) -> None:
    rig.send()
    rig.advance(40.0)


def no_form(rig: Sending) -> None:
    """What the only form of it is, was refused before."""
    (session,) = rig.gateway.by_id.values()
    session.page.refuses.add("text/plain")
    rig.send()


def too_large(rig: Sending) -> None:
    """For UDP, and the peer's profile says that it takes no more."""
    (session,) = rig.gateway.by_id.values()
    rig.gateway.profiles = lambda _: Profile(oversize="refuse")
    session.page.target = None
    rig.send(b"x" * 1200)


def no_way(rig: Sending) -> None:
    (session,) = rig.gateway.by_id.values()
    session.page.target, session.page.hop = None, "sips:192.0.2.1"
    rig.send()


TO_PAGE = [
    (refused, {}, ("message", "sip", "486", "", "486 Busy Here")),
    (no_answer, {}, ("message", "timer", r"\N", "", "no answer to MESSAGE in 32 s")),
    (no_form, {}, ("message", "type", "415", "", "it takes none of the forms there are")),
    (too_large, {}, ("message", "size", "413", "", "1565 octets, more than 1300")),
    (no_way, {}, ("message", "uri", r"\N", "", "cannot reach a sips: URI")),
]


@pytest.mark.parametrize(("happens", "config", "cause"), TO_PAGE, ids=[each[0].__name__ for each in TO_PAGE])
def test_a_message_to_the_message_side_has_the_cause_of_its_end(
    happens: Any, config: dict[str, Any], cause: tuple[str, ...]
) -> None:
    rig = Sending(**config)
    happens(rig)
    rig.store.commit()
    assert causes(rig)[-1] == cause


def test_a_delivered_message_has_none_kept_or_not() -> None:
    rig = Rig()
    rig.message()
    rig.advance(11.0)  # it is answered 202
    rig.store.commit()
    rig.accept(rig.flow.take("INVITE"))
    rig.msrp_ok(rig.connect())
    rig.message("second")
    rig.msrp_ok(rig.connections[0])
    assert (len(rig.store.outcomes), len(rig.store.messages)) == (1, 2)
    assert causes(rig, "delivered") == [NOTHING, NOTHING]
    assert causes(rig, "pending") == [NOTHING]


def test_what_a_relay_took_is_no_failure_and_has_a_remark_only() -> None:
    rig = Reporting(RELAYED)
    rig.respond(200)
    rig.advance(400.0)
    rig.store.commit()
    assert causes(rig, "accepted") == [
        ("", "", r"\N", "", f"a relay took it, no REPORT in {rig.gateway.config.report_wait:g} s")
    ]


# -------------------------------------------------------------------------------------------------------- afterwards


def test_a_report_that_takes_a_delivery_back_is_the_cause_from_then_on() -> None:
    rig = Reporting(PEER)
    rig.respond(200)
    rig.report(413)
    (news,) = rig.store.news
    assert news.cause == Cause(Side.MSRP, "report", "REPORT 413 x", 413)
    assert news.text == "REPORT 413 x"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("refused", "486 Busy Here"),
        ("hung up", "gateway, session: BYE from the MSRP side"),
        ("expired", "gateway, queue: expired"),
    ],
)
def test_a_notice_says_what_it_said_before_causes_were_values(event: str, words: str) -> None:
    rig = Rig()
    rig.message()
    invite = rig.flow.take("INVITE")
    rig.advance(11.0)  # it is answered 202, so that a notice is owed
    rig.store.commit()
    rig.flow.sent.clear()
    (session,) = rig.gateway.by_id.values()
    if event == "refused":
        rig.answer(invite, 486, "Busy Here")
    elif event == "hung up":
        session.queue[0].moved = True  # it has been carried on once
        session.ever_live = True
        session.hung_up()
    else:
        session.queue[0].expire()
    rig.store.commit()
    said = rig.flow.take("MESSAGE").body.decode()
    assert said == f"Your message to {session.decision.to_uri} was not delivered: {words}"
