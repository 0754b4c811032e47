"""The far end that speaks MSRP: one UDP socket for its SIP, a few MSRP listeners, connections of its own for its calls.

It takes every INVITE as the passive side, follows a re-INVITE to another path, and dials where it is the caller.
"""

from __future__ import annotations

import asyncio
import re
import secrets

from tests.kill.ledger import Ledger
from tests.kill.leg import Leg
from tests.kill.msrp_stream import Frame, MsrpStream
from tests.kill.schedule import Schedule
from tests.kill.sip_end import PATIENCE, T1, T2, SipEnd, SipText, user_of
from tests.kill.talk import Outgoing, Talk

HOST = "127.0.0.1"
LISTENERS = 4
_PATH = re.compile(rb"^a=path:(\S+)", re.MULTILINE)
_SETUP = re.compile(rb"^a=setup:(\w+)", re.MULTILINE)
_AUTHORITY = re.compile(r"msrp://([^:/]+):(\d+)/")


class SessionAgent:
    """``talks`` are by the user who is at this end."""

    def __init__(self, schedule: Schedule, ledger: Ledger, gateway: tuple[str, int]) -> None:
        self.schedule = schedule
        self.ledger = ledger
        self.sip = SipEnd(gateway, self._requested, self._late_2xx)
        self.talks: dict[str, Talk] = {}
        self.awaiting: dict[str, tuple[Talk, Outgoing]] = {}
        """SENDs of ours without a response, by transaction id."""
        self._dialogs: dict[tuple[str, str], Leg] = {}
        self._paths: dict[str, Leg] = {}
        self._servers: list[asyncio.Server] = []
        self._ports: list[int] = []
        self._unacknowledged: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        await self.sip.open(HOST)
        for _ in range(LISTENERS):
            server = await self.sip.loop.create_server(lambda: MsrpStream(self), HOST, 0)
            self._servers.append(server)
            self._ports.append(server.sockets[0].getsockname()[1])

    def close(self) -> None:
        for timer in self._unacknowledged.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        for leg in list(self._dialogs.values()):
            if leg.stream is not None:
                leg.stream.close()
        for server in self._servers:
            server.close()
        self.sip.close()

    def new_path(self) -> str:
        """A fresh MSRP URI of ours."""
        token = secrets.token_hex(10)
        return f"msrp://{HOST}:{self._ports[int(token[:4], 16) % LISTENERS]}/{token};tcp"

    def description(self, path: str, setup: str) -> bytes:
        """An SDP offer or answer."""
        port = path.split(":")[2].partition("/")[0]
        lines = [
            "v=0", f"o=- {secrets.randbits(32)} 1 IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0",
            f"m=message {port} TCP/MSRP *", "a=accept-types:text/plain", f"a=path:{path}", f"a=setup:{setup}",
        ]  # fmt: skip
        return ("\r\n".join(lines) + "\r\n").encode()

    @staticmethod
    def path_in(body: bytes) -> str:
        """The path of an offer or answer, empty where there is none."""
        found = _PATH.search(body)
        return found[1].decode() if found else ""

    # ------------------------------------------------------------------------------------- dialogs

    def add(self, leg: Leg) -> None:
        """A dialog of ours."""
        self._dialogs[leg.dialog] = leg
        self._paths[leg.own_path] = leg

    def _forget(self, leg: Leg) -> None:
        self._dialogs.pop(leg.dialog, None)
        self._paths.pop(leg.own_path, None)
        timer = self._unacknowledged.pop(leg.dialog, None)
        if timer is not None:
            timer.cancel()

    def bye(self, leg: Leg) -> None:
        """Hang up."""
        if leg.dialog in self._dialogs:
            self.ledger.step(leg.talk.conversations, f"BYE {leg}")
            self._forget(leg)
            self.sip.ask(leg.request("BYE"), lambda _: None)

    def ack_refusal(self, answer: SipText, branch: str, ruri: str) -> None:
        """The ACK of a refused INVITE belongs to its transaction (RFC 3261 s17.1.1.3)."""
        raw, _ = self.sip.compose(
            "ACK", ruri, answer.first("from"), answer.first("to"), answer.call_id, answer.cseq[0], branch=branch
        )
        self.sip.write(raw)

    def _late_2xx(self, answer: SipText) -> None:
        """A 2xx that comes again: our ACK was lost; or after we had given up: acknowledge and hang up."""
        leg = self._dialogs.get((answer.call_id, answer.from_tag))
        if leg is not None:
            self.sip.write(leg.request("ACK", answer.cseq[0])[0])
            return
        talk = self.talks.get(user_of(answer.first("from")))
        if talk is not None:
            leg = Leg.calling(talk, answer)
            self.ledger.step(talk.conversations, f"ACK and BYE to a late 2xx: {leg}")
            self.sip.write(leg.request("ACK", answer.cseq[0])[0])
            self.sip.ask(leg.request("BYE"), lambda _: None)

    def _requested(self, request: SipText, source: tuple[str, int]) -> None:
        leg = self._dialogs.get((request.call_id, request.to_tag)) if request.to_tag else None
        match request.method:
            case "ACK":
                timer = self._unacknowledged.pop((request.call_id, request.to_tag), None)
                if timer is not None:
                    timer.cancel()
            case "INVITE" if not request.to_tag:
                self._called(request, source)
            case "INVITE" if leg is not None:
                self._called_again(leg, request, source)
            case "BYE" if leg is not None:
                self.sip.respond(request, source, 200, "OK", leg.own_tag)
                self._forget(leg)
                leg.talk.drop(leg, "BYE of the gateway", bye=False)
            case "CANCEL" | "OPTIONS":  # every INVITE has its answer by the time its CANCEL comes
                self.sip.respond(request, source, 200, "OK", "session")
            case _:
                code, reason = (481, "Call Does Not Exist") if request.to_tag else (405, "Method Not Allowed")
                self.sip.respond(request, source, code, reason, "session")

    def _called(self, invite: SipText, source: tuple[str, int]) -> None:
        talk = self.talks.get(user_of(invite.ruri))
        path = self.path_in(invite.body)
        if talk is None or not path:
            self.ledger.anomaly(f"INVITE to {invite.ruri} with {invite.body[:40]!r}")
            self.sip.respond(invite, source, 404, "Not Found", "session")
            return
        self.ledger.counts["calls from the gateway"] += 1
        self.ledger.step(talk.conversations, f"called by the gateway, {invite.call_id[:6]}")
        leg = Leg.called(talk, invite)
        leg.own_path, leg.peer_path = self.new_path(), path
        talk.add(leg)
        self._accept(leg, invite, source)

    def _called_again(self, leg: Leg, invite: SipText, source: tuple[str, int]) -> None:
        """A re-INVITE: where the gateway's path moved, ours moves as well (RFC 4975 s8.4)."""
        self.ledger.counts["re-INVITEs"] += 1
        path = self.path_in(invite.body)
        if path and path != leg.peer_path:
            leg.talk.drop(leg, "its path moved", bye=False)
            self._paths.pop(leg.own_path, None)
            leg.own_path, leg.peer_path = self.new_path(), path
            leg.talk.add(leg)
        self._accept(leg, invite, source)

    def _accept(self, leg: Leg, invite: SipText, source: tuple[str, int]) -> None:
        raw = self.sip.respond(
            invite, source, 200, "OK", leg.own_tag,
            f"Contact: <{leg.talk.own}>", "Content-Type: application/sdp",
            body=self.description(leg.own_path, "passive"),
        )  # fmt: skip
        self._repeat_2xx(leg, raw, source, T1, self.sip.loop.time() + PATIENCE)

    def _repeat_2xx(self, leg: Leg, raw: bytes, source: tuple[str, int], interval: float, deadline: float) -> None:
        """Until the ACK comes (RFC 3261 s13.3.1.4)."""

        def again() -> None:
            if self.sip.loop.time() > deadline:
                self.bye(leg)
                leg.talk.drop(leg, "no ACK", bye=False)
                return
            self.sip.write(raw, source)
            self._repeat_2xx(leg, raw, source, min(2 * interval, T2), deadline)

        self._unacknowledged[leg.dialog] = self.sip.loop.call_later(interval, again)

    # ------------------------------------------------------------------------------------------ MSRP

    def connect(self, leg: Leg) -> None:
        """Be the active side of it."""
        task = self.sip.loop.create_task(self._connect(leg))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, leg: Leg) -> None:
        authority = _AUTHORITY.match(leg.peer_path)
        try:
            if authority is None:
                raise OSError(f"no address in {leg.peer_path!r}")
            _, stream = await self.sip.loop.create_connection(lambda: MsrpStream(self), authority[1], int(authority[2]))
        except OSError:
            self.ledger.counts["connections refused"] += 1
            leg.talk.drop(leg, "connection refused", bye=True)
            return
        leg.stream = stream
        stream.request(
            secrets.token_hex(8), "SEND", leg.peer_path, leg.own_path,
            f"Message-ID: {secrets.token_hex(10)}", "Byte-Range: 1-0/0",
        )  # fmt: skip
        leg.talk.ready(leg)

    def on_frame(self, stream: MsrpStream, frame: Frame) -> None:
        """A request or response of the gateway's."""
        if frame.code:
            talk, message = self.awaiting.pop(frame.tid, (None, None))
            if talk is not None and message is not None:
                talk.answered(message, frame.code)
            return
        leg = self._paths.get(frame.get("to-path"))
        if leg is None or (leg.stream is not None and leg.stream is not stream):
            if frame.method != "REPORT":
                self.ledger.counts["frames for a session that is over"] += 1
                stream.respond(frame, 481 if leg is None else 506, "Not this session")
            return
        if frame.get("from-path") != leg.peer_path:
            self.ledger.anomaly(f"From-Path {frame.get('from-path')} on the session with {leg.peer_path}")
        if leg.stream is None:
            leg.stream = stream
            leg.talk.ready(leg)
        if frame.method == "SEND":
            leg.talk.received(leg, stream, frame)
        elif frame.method == "REPORT":
            leg.talk.reported(frame.get("message-id"), int(frame.get("status").split()[1]))
        else:
            self.ledger.anomaly(f"MSRP {frame.method}")

    def on_lost(self, stream: MsrpStream) -> None:
        """The connection is gone, and with it all its sessions; their dialogs may be mended by the gateway."""
        for leg in [each for each in self._dialogs.values() if each.stream is stream]:
            leg.talk.drop(leg, "connection lost", bye=False)
