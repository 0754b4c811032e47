"""A failure in words: what happened, and what an operator can try. One table; the first row that fits tells.

Causes are values, see :class:`sessions_app.cause.Cause`; messages and failed set-ups have them in columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sessions_app.cause import Cause, Side

_SIDES: Final = {Side.MSRP: "the MSRP side", Side.MESSAGE: "the message side"}


@dataclass(frozen=True, slots=True)
class Told:
    """A cause in words."""

    what: str
    tries: tuple[str, ...]


_Row = tuple[dict[str, Any], str, tuple[str, ...]]

_TABLE: Final[tuple[_Row, ...]] = (
    (
        {"layer": "loop"},
        "It would have come back to this gateway: {text}.",
        (
            "Is the address really one of the other side? It leads to a listener of this gateway.",
            "Give the route a next hop, where the address is to be served behind one.",
        ),
    ),
    (
        {"layer": "destination"},
        "This gateway does not send there: {text}.",
        (
            "Should it? Write the network into the destinations of the route or of the peer, or into"
            " GATEWAY_DESTINATIONS.",
            "If not, there is nothing to repair: whoever named the address was refused.",
        ),
    ),
    (
        {"layer": "overload"},
        "Nothing more is sent there for now: {text}.",
        (
            "Is the next hop alive? See Peers and nodes.",
            "If it is only slow, and more may wait for it, see GATEWAY_MAX_UNANSWERED.",
        ),
    ),
    (
        {"code": 486},
        "{side} is busy (486): the user is on another session or refuses this one for now.",
        ("Retry in a minute.", "If it stays so, ask whether the user's client allows more than one chat."),
    ),
    (
        {"code": 404},
        "{side} does not know the address (404).",
        (
            "Check the number or name for a typing error.",
            "Try the route with this address: does it make the Request-URI that the other side expects?",
        ),
    ),
    (
        {"code": 480},
        "The user is known there, but not reachable now (480).",
        ("Retry later.", "Ask whether the user's client is registered."),
    ),
    (
        {"code": 488},
        "{side} takes none of what was offered (488): no common media, or types that it does not take.",
        (
            "Compare the route's content types with what the peer accepts.",
            "Look at both SDPs in the ladder.",
        ),
    ),
    (
        {"code": 415},
        "{side} does not take this content type (415).",
        ("Compare the message's type with the content types of the route and with the peer's accept-types.",),
    ),
    (
        {"code": 413},
        "The message is too large for {side} (413).",
        ("Compare its size with the peer's max-size, and with how the peer takes large messages.",),
    ),
    (
        {"code": 403},
        "{side} does not permit it (403).",
        ("Ask its operator whether this gateway's address is allowed.", "Check From: is it one that the peer lets in?"),
    ),
    (
        {"code": 401},
        "{side} wants credentials (401).",
        ("Have the peer trust this gateway by its address.",),
    ),
    (
        {"code": 407},
        "A proxy on the way wants credentials (407).",
        ("Have the proxy trust this gateway by its address.", "Give the route another next hop."),
    ),
    (
        {"code": 481},
        "{side} has forgotten the session (481), most likely because it was restarted or ended it unseen.",
        ("Retry: a new session is set up.",),
    ),
    (
        {"code": 503},
        "{side} is overloaded or being serviced (503).",
        ("Retry later.", "Send it elsewhere, if there is a second address."),
    ),
    (
        {"code": 408},
        "Somebody on the way gave up waiting for {side} (408).",
        ("Retry.", "Look at the next hop under Peers and nodes."),
    ),
    (
        {"code": 603},
        "The user declined (603).",
        ("Nothing to repair: the other side said no.",),
    ),
    (
        {"layer": "stranger"},
        "It came from an address that is no peer: {text}.",
        (
            "Should it be one? Add a peer with its network.",
            "If not, there is nothing to repair: strangers are refused.",
        ),
    ),
    (
        {"layer": "refusal", "text": "No route takes"},
        "No route takes this request: {text}.",
        ("Try the routes with its From, To and Request-URI: is the one that should take it enabled, and high enough?",),
    ),
    (
        {"layer": "refusal"},
        "This gateway refused the request before there was a session: {text}.",
        ("Look at the request in its frames.", "Compare it with the route that takes it: a rule of it may refuse it."),
    ),
    (
        {"layer": "dns"},
        "The name of {side} could not be resolved.",
        (
            "Check the spelling of the host in the route's next hop or in the address.",
            "Ask the name server.",
        ),
    ),
    (
        {"layer": "tcp", "text": "refused"},
        "Nobody listens at the address of {side}: the connection was refused.",
        ("Is the peer's program running?", "Do the port in the route and the port of the peer agree?"),
    ),
    (
        {"layer": "tcp"},
        "No connection to {side} could be made.",
        (
            "Look at firewalls between here and there.",
            "Look at the next hop under Peers and nodes.",
        ),
    ),
    (
        {"layer": "tls", "text": "certificate is refused"},
        "{side} showed a certificate that is not believed.",
        (
            "Has it expired? See Peers and nodes.",
            "It has to be for the host that the route's next hop names.",
            "Its authority has to be in SIP_TLS_AUTHORITIES.",
        ),
    ),
    (
        {"layer": "tls"},
        "No TLS connection to {side} could be made.",
        ("Does its port speak TLS 1.2 or later?", "Look at the next hop under Peers and nodes."),
    ),
    (
        {"layer": "timer"},
        "{side} did not answer in time.",
        ("Retry.", "Is the peer reachable? See Peers and nodes.", "Is the route's next hop the right one?"),
    ),
    (
        {"layer": "sdp"},
        "What {side} described in its SDP cannot be used.",
        ("Look at the SDP in the ladder: is there an m=message line with a path?",),
    ),
    (
        {"layer": "policy"},
        "It was ended on purpose, by a rule or by an operator.",
        ("See the session's events for who did it.",),
    ),
    (
        {"layer": "queue"},
        "Too many messages waited for the same session.",
        ("Retry when the session is live.", "Look at why its set-up takes so long."),
    ),
    (
        {"layer": "expiry"},
        "Its sender had set a time after which it is of no use, and that passed.",
        ("Retry only if it is still of use.",),
    ),
    (
        {"layer": "msrp"},
        "The MSRP session failed: {text}.",
        ("Retry: a new session is set up.", "See the session's events."),
    ),
    (
        {},
        "{side} refused it or it failed on the way: {text}.",
        ("See the session's events and its ladder.", "Retry."),
    ),
)


def tell(cause: Cause) -> Told:
    """The cause in words."""
    for wanted, what, tries in _TABLE:
        if all(_fits(cause, name, value) for name, value in wanted.items()):
            words = what.format(side=_SIDES.get(cause.side, "this gateway"), text=cause.text)
            return Told(words[:1].upper() + words[1:], tries)
    raise AssertionError("the last row fits everything")


def _fits(cause: Cause, name: str, value: Any) -> bool:
    found = getattr(cause, name)
    return value in found if name == "text" else found == value
