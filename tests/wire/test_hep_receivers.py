"""What the gateway exports by HEP v3, as programs of other people understand it: sngrep and Kamailio's sipcapture."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time

import pytest

from tests.wire.conftest import SHORT_TIMES
from tests.wire.running import HOST, Running
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

pytestmark = pytest.mark.peer
SECRET = "a private word"

SIPCAPTURE = """
children=1
fork=no
log_stderror=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "db_text.so"
loadmodule "sipcapture.so"
modparam("sipcapture", "db_url", "text://{folder}")
modparam("sipcapture", "capture_on", 1)
modparam("sipcapture", "hep_capture_on", 1)
modparam("sipcapture", "nonsip_hook", 1)
event_route[sipcapture:request] {{
    xlog("L_ALERT", "HEP|{chunks}|$(hep(0x00f){{s.encode.hexa}})|\\n");
}}
request_route {{ drop; }}
"""
"""Prints the chunks that it found by their numbers in the specification; the payload in hexadecimal digits."""
CHUNKS = "|".join(
    f"$hep({number})"
    for number in ("version", "0x00b", "0x003", "0x007", "0x004", "0x008", "0x009", "0x00a", "0x00c", "0x011")
)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def bound(port):
    """Whether somebody listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False


@contextlib.contextmanager
def started(command, port, **options):
    """The receiver, once it listens; stopped at the end."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    try:
        deadline = time.monotonic() + 10
        while not bound(port):
            assert process.poll() is None, "the receiver did not start"
            assert time.monotonic() < deadline, "the receiver does not listen"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(10)


class Talk:
    """A conversation over both legs, as its two ends saw it."""

    def __init__(self, port):
        gateway = Running(**SHORT_TIMES, GATEWAY_TRACE="off", GATEWAY_HEP=f"{HOST}:{port}", GATEWAY_HEP_ID="77")
        try:
            gateway.start()
            alice, bob = SipPeer("alice", gateway), SessionPeer("bob", gateway)
            self.began = time.time()
            with contextlib.closing(alice), contextlib.closing(bob):
                self.message = alice.message(bob.uri, SECRET)
                call = bob.take_call()
                self.send = call.take_message()
                assert alice.final_answer_to(self.message).status == 200
                assert call.bye().status == 200
                self.call_id = call.invite.call_id
                self.alice, self.bob = alice.address, bob.address
                self.msrp_port = bob.msrp.port
                self.msrp_source = call.wire.other
            self.ended = time.time()
            self.gateway = gateway.sip
            gateway.stop()  # what waits in the tracer goes out before the end
            assert gateway.complaints == []
        finally:
            gateway.close()


def start(payload):
    """A frame by its first line, less what is made up anew each time."""
    line = payload.split(b"\r\n")[0].decode()
    return line.split(" ")[2] if line.startswith("MSRP") else " ".join(line.split(" ")[:2])


def test_kamailio_finds_each_chunk_of_both_legs_where_the_specification_has_it(require_program, tmp_path):
    port = free_port()
    config = tmp_path / "sipcapture.cfg"
    config.write_text(SIPCAPTURE.format(port=port, folder=tmp_path, chunks=CHUNKS))
    command = [require_program("kamailio"), "-DD", "-E", "-f", str(config), "-Y", str(tmp_path)]
    log = tmp_path / "kamailio.log"
    with log.open("w") as out, started(command, port, stdout=out, stderr=subprocess.STDOUT):
        talk = Talk(port)
        deadline = time.monotonic() + 5
        while b"BYE" not in b"".join(payload for *_, payload in packets(log)) and time.monotonic() < deadline:
            time.sleep(0.1)
        found = packets(log)
    alice, gateway, bob = talk.alice, talk.gateway, talk.bob
    ours, theirs = talk.msrp_source, (HOST, talk.msrp_port)
    assert [(protocol, source, target, call, start(payload)) for protocol, source, target, _, _, call, payload in found
            if start(payload) not in ("SIP/2.0 100", "SIP/2.0 180")] == [
        (1, alice, gateway, talk.message.call_id, f"MESSAGE {found[0][-1].split()[1].decode()}"),
        (1, gateway, bob, talk.call_id, f"INVITE {found[1][-1].split()[1].decode()}"),
        (1, bob, gateway, talk.call_id, "SIP/2.0 200"),
        (1, gateway, bob, talk.call_id, f"ACK {found[0][-1].split()[1].decode()}"),
        *[(100, ours, theirs, talk.call_id, "SEND"), (100, theirs, ours, talk.call_id, "200")] * 2,
        (1, gateway, alice, talk.message.call_id, "SIP/2.0 200"),
        (1, bob, gateway, talk.call_id, f"BYE sip:{HOST}:{gateway[1]}"),
        (1, gateway, bob, talk.call_id, "SIP/2.0 200"),
    ]  # fmt: skip
    assert {agent for _, _, _, _, agent, _, _ in found} == {77}
    times = [at for _, _, _, at, _, _, _ in found]
    assert times == sorted(times)
    assert talk.began <= times[0] <= times[-1] <= talk.ended
    message = found[0][-1]
    assert message == talk.message.raw.replace(SECRET.encode(), b"x" * len(SECRET))
    bind, send = (payload for *_, payload in found if start(payload) == "SEND")
    assert b"Byte-Range: 1-0/0" in bind
    assert send == talk.send.raw.replace(SECRET.encode(), b"x" * len(SECRET))


def packets(log):
    """(protocol, source, target, time, agent, correlation, payload) of each packet that Kamailio took."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        if "HEP|" not in line or line.count("|") < 12:
            continue
        fields = line[line.index("HEP|") :].split("|")
        fields = fields[1:12]
        version, protocol, source, source_port, target, target_port, seconds, micros, agent, call, octets = fields
        assert version == "3"
        found.append(
            (
                int(protocol),
                (source, int(source_port)),
                (target, int(target_port)),
                int(seconds) + int(micros) / 1e6,
                int(agent),
                call,
                bytes.fromhex(octets),
            )
        )
    return found


def test_sngrep_listens_and_writes_the_packets_of_both_legs_as_they_were(require_program, tmp_path):
    port, file = free_port(), tmp_path / "sngrep.pcap"
    tshark = require_program("tshark")
    command = [require_program("sngrep"), "-N", "-q", "-F", "-L", f"udp:{HOST}:{port}", "-O", str(file)]
    quiet = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "env": {"TERM": "xterm", "HOME": "/nonexistent"},
    }
    with started(command, port, **quiet):
        talk = Talk(port)
        deadline = time.monotonic() + 5
        while b"BYE sip:" not in file.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.1)
    names = ["frame.time_epoch", "ip.src", "udp.srcport", "ip.dst", "udp.dstport", "udp.payload"]
    command = [tshark, "-n", "-r", str(file), "-T", "fields", *(word for name in names for word in ("-e", name))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    found = [
        ((source, int(source_port)), (target, int(target_port)), start(bytes.fromhex(payload)))
        for _, source, source_port, target, target_port, payload in rows
    ]
    alice, gateway, bob = talk.alice, talk.gateway, talk.bob
    ours, theirs = talk.msrp_source, (HOST, talk.msrp_port)
    for source, target, what in (
        (alice, gateway, "MESSAGE"),
        (gateway, bob, "INVITE"),
        (bob, gateway, "SIP/2.0 200"),
        (gateway, bob, "ACK"),
        (ours, theirs, "SEND"),
        (theirs, ours, "200"),
        (gateway, alice, "SIP/2.0 200"),
        (bob, gateway, "BYE"),
    ):
        assert any((each[0], each[1]) == (source, target) and each[2].startswith(what) for each in found), (what, found)
    assert all(talk.began - 0.001 <= float(row[0]) <= talk.ended + 0.001 for row in rows)
    assert SECRET.encode() not in file.read_bytes()
