"""The MSRP side of tests: a SIP user agent that has MSRP sessions, each a `Call`."""

from __future__ import annotations

import re

from tests.wire.msrp_peer import MsrpPeer
from tests.wire.running import HOST
from tests.wire.sip_peer import SipPeer


def sdp(path, *, setup=None, accept_types="text/plain", extra=(), port=2855, proto="TCP/MSRP"):
    """A description of one MSRP session, as a peer writes it."""
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {HOST}",
        "s=-",
        f"c=IN IP4 {HOST}",
        "t=0 0",
        f"m=message {port} {proto} *",
        f"a=accept-types:{accept_types}",
        f"a=path:{path}",
        *([f"a=setup:{setup}"] if setup else []),
        *extra,
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def attribute(description, name):
    """The value of `a=name:`, None where there is none."""
    found = re.search(rb"^a=" + name.encode() + rb":(.*?)\r?$", description, re.MULTILINE)
    return found[1].decode() if found else None


class Call:
    """One dialog with the gateway and the MSRP session in it."""

    def __init__(self, peer, *, call_id, own_tag, gateway_tag, gateway_uri, target, cseq, own_path):
        self.peer = peer
        self.call_id = call_id
        self.own_tag = own_tag
        self.gateway_tag = gateway_tag
        self.gateway_uri = gateway_uri
        self.target = target
        self.cseq = cseq
        self.own_path = own_path
        self.gateway_path = None
        self.wire = None

    # -- SIP -----------------------------------------------------------------------------------------------------

    def request(self, method, *, cseq=None, **parts):
        """A request in this dialog."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        to = f"<{self.gateway_uri}>;tag={self.gateway_tag}"
        return self.peer.request(
            method, self.target, to=to, call_id=self.call_id, from_tag=self.own_tag, cseq=cseq, **parts
        )

    def ack(self, cseq=None):
        """Acknowledge the 2xx to our last INVITE."""
        self.request("ACK", cseq=cseq or self.cseq)

    def bye(self):
        """Hang up; the answer."""
        return self.peer.final_answer_to(self.request("BYE"))

    def expect_bye(self, within=5.0):
        """The gateway hangs up."""
        return self.peer.expect("BYE", within, call_id=self.call_id)

    def offer_again(self, own_path=None, **description):
        """A re-INVITE, and its answer; ours is acknowledged."""
        self.own_path = own_path or self.own_path
        sent = self.request(
            "INVITE",
            headers=[f"Contact: <{self.peer.uri}>", "Content-Type: application/sdp"],
            body=sdp(self.own_path, **description),
        )
        answer = self.peer.final_answer_to(sent)
        if answer.status < 300:
            self.ack()
        return answer

    def expect_offer(self, within=5.0):
        """The gateway offers anew in this dialog; its offer is not answered yet."""
        return self.peer.expect("INVITE", within, call_id=self.call_id)

    def take_offer(self, within=5.0, **description):
        """It does, we answer with a new path, see its ACK and are connected by it."""
        return self.answer_offer(self.expect_offer(within), **description)

    def answer_offer(self, invite, *, connect=True, **description):
        """Answer its offer 200 with a new path, and see the ACK."""
        self.gateway_path = attribute(invite.body, "path")
        self.own_path = self.peer.msrp.new_path()
        description.setdefault("setup", "passive")
        self.peer.respond(
            invite,
            200,
            "OK",
            headers=[f"Contact: <{self.peer.uri}>", "Content-Type: application/sdp"],
            body=sdp(self.own_path, **description),
        )
        assert self.peer.expect("ACK", call_id=self.call_id).cseq == (invite.cseq[0], "ACK")
        return self.expect_connection() if connect else self

    # -- MSRP ----------------------------------------------------------------------------------------------------

    def connect_and_bind(self, wire=None):
        """Be the active side; `wire` is a connection that is there already."""
        self.wire = wire or self.peer.msrp.connect()
        bound = self.wire.bind(self.gateway_path, self.own_path)
        assert self.wire.response_to(bound).code == 200
        return self

    def expect_connection(self, *, bind=True):
        """Be the passive side, and welcome the bind."""
        self.wire = self.peer.msrp.accepted()
        return self.expect_bind() if bind else self

    def expect_bind(self):
        """The gateway shows itself by an empty SEND, and is welcome."""
        bind = self.wire.expect("SEND", body=None)
        assert bind["To-Path"] == self.own_path
        self.wire.answer(bind)
        return self

    def send(self, text, **more):
        """A SEND; its transaction id."""
        return self.wire.send(self.gateway_path, self.own_path, text, **more)

    def expect_message(self, within=5.0):
        """The next SEND with content."""
        return self.wire.inbox.take(
            lambda each: (
                getattr(each, "method", None) == "SEND" and each.body is not None and each["To-Path"] == self.own_path
            ),
            within,
            f"SEND to {self.own_path}",
        )

    def take_message(self, within=5.0):
        """The next SEND with content, answered 200."""
        send = self.expect_message(within)
        self.wire.answer(send)
        return send

    def report(self, message_id, within=5.0):
        """The REPORT about a message of ours."""
        return self.wire.inbox.take(
            lambda each: getattr(each, "method", None) == "REPORT" and each["Message-ID"] == message_id,
            within,
            f"REPORT on {message_id}",
        )


class SessionPeer(SipPeer):
    """A user agent with a listener for MSRP."""

    def __init__(self, name, gateway, transport="udp", *, tls=None):
        super().__init__(name, gateway, transport, tls=tls)
        self.msrp = MsrpPeer(gateway)

    def close(self):
        super().close()
        self.msrp.close()

    def answer(self, invite, body=None, *, tag=None, own_path=None, headers=(), **description):
        """Answer the gateway's INVITE 200, with this body or a description. The ACK is still to come."""
        own_path = own_path or self.msrp.new_path()
        tag = tag or f"peer-{invite.branch[-8:]}"
        call = Call(
            self,
            call_id=invite.call_id,
            own_tag=tag,
            gateway_tag=invite.from_tag,
            gateway_uri=invite.from_uri,
            target=invite.contact,
            cseq=0,
            own_path=own_path,
        )
        call.gateway_path = attribute(invite.body, "path")
        if body is None:
            description.setdefault("setup", "passive")
            body = sdp(own_path, **description)
        headers = [f"Contact: <{self.uri}>", *headers]
        if body:
            headers.append("Content-Type: application/sdp")
        self.respond(invite, 200, "OK", tag=tag, headers=headers, body=body)
        return call

    def take_call(self, **description):
        """Answer the gateway's next INVITE, see its ACK, and be connected by it."""
        invite = self.expect("INVITE")
        call = self.answer(invite, **description)
        assert self.expect("ACK", call_id=invite.call_id).cseq == (invite.cseq[0], "ACK")
        call.invite = invite
        return call.expect_connection()

    def invite(self, ruri, **description):
        """Send an INVITE with an offer; what was sent, and the path it offers."""
        own_path = description.pop("own_path", None) or self.msrp.new_path()
        description.setdefault("setup", "active")
        sent = self.request(
            "INVITE",
            ruri,
            headers=[f"Contact: <{self.uri}>", "Content-Type: application/sdp"],
            body=sdp(own_path, **description),
        )
        sent.own_path = own_path
        return sent

    def dialog_of(self, sent, answer):
        """The call that a 200 to our INVITE makes, not acknowledged yet."""
        call = Call(
            self,
            call_id=sent.call_id,
            own_tag=sent.from_tag,
            gateway_tag=answer.to_tag,
            gateway_uri=answer.to_uri,
            target=answer.contact,
            cseq=sent.cseq,
            own_path=sent.own_path,
        )
        call.gateway_path = attribute(answer.body, "path")
        call.answer = answer
        return call

    def call(self, ruri, **description):
        """Call the gateway and be connected: we open the connection, unless we offer `passive`."""
        sent = self.invite(ruri, **description)
        answer = self.final_answer_to(sent)
        assert answer.status == 200, answer.start
        call = self.dialog_of(sent, answer)
        call.ack()
        if description.get("setup") == "passive":
            return call.expect_connection()
        return call.connect_and_bind()
