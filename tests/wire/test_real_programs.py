"""Programs of other people at both ends of the gateway's wires: sipp sends, tshark reads along."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.wire.capture import Capture

SCENARIO = Path(__file__).with_name("sipp") / "message.xml"

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("mode", ["u1", "t1"])
def test_sipp_sends_messages_and_gets_its_200s(require_program, gateway, bob, tmp_path, mode):
    command = [require_program("sipp"), f"127.0.0.1:{gateway.sip_port}", "-sf", str(SCENARIO), "-key", "to", bob.uri]
    command += ["-t", mode, "-i", "127.0.0.1", "-m", "10", "-r", "100", "-timeout", "20s", "-timeout_error"]
    sipp = subprocess.Popen(
        [*command, "-nostdin"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        call = bob.take_call()
        bodies = [call.take_message().body.strip() for _ in range(10)]
        output, _ = sipp.communicate(timeout=20)
    finally:
        sipp.kill()
    assert sipp.returncode == 0, output
    assert sorted(bodies) == sorted(b"hello from sipp %d" % number for number in range(1, 11))


def everything_that_goes_over_the_wires(page, session):
    """A conversation with most of what the gateway can say, one thing at a time.

    Of several MSRP frames in one TCP segment tshark shows the first only.
    """
    for transport in ("udp", "tcp"):
        alice, bob = page("alice", transport), session("bob", transport)
        first = alice.message(bob.uri, "first")
        call = bob.take_call(accept_types="text/plain message/cpim")
        call.take_message()
        assert alice.final_answer_to(first).status == 200
        long = alice.message(bob.uri, "0123456789" * 500)
        while (chunk := call.expect_message()).flag != "$":
            call.wire.answer(chunk)
        call.wire.answer(chunk)
        assert alice.final_answer_to(long).status == 200
        kept = call.send("tell me", message_id="Tell1", reports=["Success-Report: yes"])
        assert call.wire.response_to(kept).code == 200
        alice.respond(alice.expect("MESSAGE"), 200)
        call.report("Tell1")
        refused = call.send("refuse me", message_id="Refuse1")
        alice.respond(alice.expect("MESSAGE"), 404)
        assert call.wire.response_to(refused).code == 403
        unknown = call.wire.request("DANCE", call.gateway_path, call.own_path)
        assert call.wire.response_to(unknown).code == 501
        assert call.offer_again(setup="actpass").status == 200
        assert alice.final_answer_to(alice.message(bob.uri, max_forwards=0)).status == 483
        assert alice.final_answer_to(alice.message(bob.uri, content_type="text/html")).status == 415
        assert call.bye().status == 200
        call.wire.expect_close()
        busy = alice.message(bob.uri, "are you there?")
        bob.respond(bob.expect("INVITE"), 486, "Busy Here")
        assert alice.final_answer_to(busy).status == 480
        waiting = alice.message(bob.uri, "and now?")
        invite = bob.expect("INVITE")
        bob.respond(invite, 180, "Ringing")
        call = bob.call(alice.uri)
        bob.expect("CANCEL")
        bob.respond(invite, 487)
        call.take_message()
        assert alice.final_answer_to(waiting).status == 200
        alice.fence()


SHOWN = ["sip.Method", "sip.Status-Code", "msrp.method", "msrp.status.code", "_ws.malformed", "_ws.expert.severity"]
ERROR = "8388608"  # of tshark's severities the highest


@pytest.mark.parametrize("captured", [True, False], ids=["captured", "written by the peers"])
def test_tshark_finds_nothing_malformed_on_either_leg(require_program, gateway, page, session, tmp_path, captured):
    tshark = require_program("tshark")
    peers = []

    def remembered(make):
        return lambda *arguments: peers.append(make(*arguments)) or peers[-1]

    with Capture(shutil.which("dumpcap") if captured else None, tmp_path / "both-legs.pcap") as capture:
        everything_that_goes_over_the_wires(remembered(page), remembered(session))
        capture.finish(peers)
    command = [tshark, "-n", "-r", str(capture.file), "-T", "fields"]
    for field in SHOWN:
        command += ["-e", field]
    for port in {gateway.sip_port, *(each.address[1] for each in peers)}:
        command += ["-d", f"udp.port=={port},sip", "-d", f"tcp.port=={port},sip"]
    for port in {gateway.msrp_port, *(each.msrp.port for each in peers if hasattr(each, "msrp"))}:
        command += ["-d", f"tcp.port=={port},msrp"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    columns = zip(*(line.split("\t") for line in done.stdout.splitlines()), strict=True)
    methods, codes, msrp_methods, msrp_codes, malformed, severities = map(set, columns)
    assert {"MESSAGE", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"} <= methods
    assert {"200", "415", "480", "483"} <= codes
    assert {"SEND", "REPORT"} <= msrp_methods
    assert {"200", "501"} <= msrp_codes
    assert malformed == {""}
    assert not any(ERROR in each for each in severities)
