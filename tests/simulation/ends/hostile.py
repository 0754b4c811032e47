"""Octets of page ends and strangers that mean harm: requests that no honest user agent makes."""

from __future__ import annotations

from typing import Final

from tests.simulation.ends.page import PageEnd
from tests.simulation.ledger import Ledger
from tests.simulation.words import TO_MSRP
from tests.simulation.world import GATEWAY, Address, World

PAGE_TRICKS: Final = (
    "by another way", "in a dialog of nobody", "cancel", "imdn", "forged imdn", "no body", "no hops", "unknown type",
    "malformed", "ack", "bye", "options", "register", "to itself", "by another Via",
)  # fmt: skip
STRANGE: Final = (
    "MESSAGE",
    "INVITE",
    "OPTIONS",
    "BYE",
    "ACK",
    "CANCEL",
    "REGISTER",
    "in dialog",
    "answer",
    "garbage",
    "malformed",
)


def trick(end: PageEnd, to: str, what: str) -> None:
    """One of :data:`PAGE_TRICKS`, from a peer."""
    branch, call_id = end.branch(), end.fresh("c")
    ledger = end.ledger
    if what == "imdn":
        end.say(to, "imdn", imdn_about="nothing of ours")
    elif what == "by another way":
        word = ledger.word(TO_MSRP, end.uri, to, "plain", hostile=True)
        for _ in range(2):
            end.send(request("MESSAGE", to, end.host, end.branch(), end.uri, to, call_id, f"~{word.token}~ twice"))
    elif what == "forged imdn":
        about = ledger.own_imdn_ids[-1] if ledger.own_imdn_ids else "nothing"
        end.say(to, "forged imdn", imdn_about=about)
    elif what == "in a dialog of nobody":
        data = request("MESSAGE", to, end.host, branch, end.uri, to, call_id, "hello")
        end.send(data.replace(f"To: <{to}>".encode(), f"To: <{to}>;tag=9".encode()))
    elif what == "to itself":
        end.say(f"sip:zed@{GATEWAY[0]}:{GATEWAY[1]}")
    elif what == "by another Via":
        end.send(request("OPTIONS", to, "192.0.2.9:5060", branch, end.uri, to, call_id, ""))
    elif what == "malformed":
        end.send(b"MESSAGE sip: SIP/2.0\r\nVia: SIP/2.0/UDP " + end.host.encode() + b";branch=z9hG4bKx\r\n\r\n")
    elif what == "no body":
        end.send(request("MESSAGE", to, end.host, branch, end.uri, to, call_id, ""))
    elif what == "no hops":
        data = request("MESSAGE", to, end.host, branch, end.uri, to, call_id, "hello")
        end.send(data.replace(b"Max-Forwards: 70", b"Max-Forwards: 0"))
    elif what == "unknown type":
        data = request("MESSAGE", to, end.host, branch, end.uri, to, call_id, "hello")
        end.send(data.replace(b"text/plain", b"image/png"))
    else:
        end.send(request(what.upper(), to, end.host, branch, end.uri, to, call_id, ""))


def request(
    method: str, uri: str, host: str, branch: str, from_uri: str, to_uri: str, call_id: str, body: str
) -> bytes:
    """A request, written by hand."""
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch={branch};rport\r\nMax-Forwards: 70\r\n"
        f"From: <{from_uri}>;tag=h{call_id}\r\nTo: <{to_uri}>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n"
        f"Contact: <{from_uri}>\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Stranger:
    """Nobody that the gateway knows, or somebody who says to be a peer from where no peer is."""

    def __init__(self, world: World, ledger: Ledger, address: Address) -> None:
        self._world = world
        self._ledger = ledger
        self._address = address
        self._count = 0

    def octets(self, what: str, to: str, known_call: str) -> bytes:
        """One of :data:`STRANGE`. ``known_call``: the Call-ID of a dialog that it has heard of."""
        self._count += 1
        host = f"{self._address[0]}:{self._address[1]}"
        branch, call_id = f"z9hG4bKstranger{self._count}", f"stranger{self._count}"
        own = f"sip:eve@{host}"
        if what == "garbage":
            return b"\x00\xff" * 20
        if what == "malformed":
            return b"INVITE sip: SIP/2.0\r\nVia: SIP/2.0/UDP " + host.encode() + b";branch=z9hG4bKx\r\n\r\n"
        if what == "answer":
            return (
                f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {GATEWAY[0]}:{GATEWAY[1]};branch={branch}\r\n"
                f"From: <{to}>;tag=1\r\nTo: <{own}>;tag=2\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\n\r\n"
            ).encode()
        if what == "in dialog":
            data = request("BYE", to, host, branch, own, to, known_call or call_id, "")
            return data.replace(f"To: <{to}>".encode(), f"To: <{to}>;tag=1".encode())
        return request(what, to, host, branch, own, to, call_id, "" if what != "MESSAGE" else "hello")

    @property
    def source(self) -> Address:
        """Where it sends from."""
        return self._address
