"""One dialog of the MSRP far end and the MSRP session in it, whoever began them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tests.kill.msrp_stream import MsrpStream
from tests.kill.sip_end import SipText, uri_of

if TYPE_CHECKING:
    from tests.kill.talk import Talk


class Leg:
    """``usable`` once its MSRP session is bound; it stays known after a lost connection, for a re-INVITE to mend it."""

    __slots__ = (
        "_cseq",
        "_from",
        "_to",
        "bound",
        "call_id",
        "own_path",
        "own_tag",
        "peer_path",
        "stream",
        "talk",
        "target",
    )

    def __init__(self, talk: Talk, call_id: str, own_tag: str, from_: str, to: str, target: str, cseq: int) -> None:
        self.talk = talk
        self.call_id = call_id
        self.own_tag = own_tag
        self.target = target
        self.own_path = self.peer_path = ""
        self.stream: MsrpStream | None = None
        self.bound = False
        self._from = from_
        self._to = to
        self._cseq = cseq

    @classmethod
    def called(cls, talk: Talk, invite: SipText) -> Leg:
        """The gateway's INVITE makes it."""
        tag = secrets.token_hex(4)
        own = f"{invite.first('to')};tag={tag}"
        return cls(talk, invite.call_id, tag, own, invite.first("from"), uri_of(invite.first("contact")), 0)

    @classmethod
    def calling(cls, talk: Talk, answer: SipText) -> Leg:
        """A 2xx to our INVITE makes it."""
        own, peer = answer.first("from"), answer.first("to")
        return cls(talk, answer.call_id, answer.from_tag, own, peer, uri_of(answer.first("contact")), answer.cseq[0])

    def __str__(self) -> str:
        return f"{self.call_id[:6]} tag {(self._to if self.own_tag in self._from else self._from)[-4:]}"

    @property
    def dialog(self) -> tuple[str, str]:
        return self.call_id, self.own_tag

    @property
    def usable(self) -> bool:
        return self.bound and self.stream is not None and self.stream.alive

    def request(self, method: str, cseq: int | None = None) -> tuple[bytes, str]:
        """A request in the dialog: a BYE, or the ACK of the INVITE with this CSeq."""
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        return self.talk.agent.sip.compose(method, self.target, self._from, self._to, self.call_id, cseq)
