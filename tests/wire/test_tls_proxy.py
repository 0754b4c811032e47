"""Kamailio between the gateway and its users, over TLS towards the gateway: a foreign stack for every frame of it."""

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
from tests.wire.tls import Authority

pytestmark = pytest.mark.peer

PROXY = """
children=1
tcp_children=1
log_stderror=yes
auto_aliases=no
enable_tls=yes
listen=udp:{host}:{udp}
listen=tls:{host}:{tls}
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "sl.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "tls.so"
modparam("rr", "enable_double_rr", 1)
modparam("tls", "config", "{folder}/tls.cfg")
request_route {{
    if (is_method("CANCEL")) {{ t_relay(); exit; }}
    if (has_totag()) {{ loose_route(); t_relay(); exit; }}
    record_route();
    remove_hf("Route");
    if (proto == UDP) {{ $du = "sip:{host}:{gateway};transport=tls"; }}
    t_relay();
}}
"""
"""What comes over UDP goes to the gateway, what comes from there goes to the address that it names."""

TLS = """
[server:default]
method = TLSv1.2+
certificate = {certificate}
private_key = {certificate}
[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
ca_list = {authority}
"""


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def proxy(program, folder, authority, gateway_port):
    """The address over UDP, the URI over TLS."""
    udp, tls = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    certificate = authority.issue("proxy.pem", HOST)
    (folder / "tls.cfg").write_text(TLS.format(certificate=certificate, authority=authority.path))
    config = folder / "kamailio.cfg"
    config.write_text(PROXY.format(host=HOST, udp=udp, tls=tls, folder=folder, gateway=gateway_port))
    with (folder / "kamailio.log").open("w") as log:
        process = subprocess.Popen(
            [program, "-DD", "-E", "-f", str(config), "-Y", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + 10
            while True:
                assert process.poll() is None, (folder / "kamailio.log").read_text()
                with contextlib.suppress(OSError), socket.create_connection((HOST, tls), timeout=1):
                    break
                assert time.monotonic() < deadline, (folder / "kamailio.log").read_text()
                time.sleep(0.05)
            yield (HOST, udp), f"sip:{HOST}:{tls};transport=tls"
        finally:
            process.terminate()
            process.wait(10)


def test_a_conversation_through_kamailio_over_tls(require_program, tmp_path):
    authority = Authority(tmp_path)
    gateway = Running(
        **SHORT_TIMES,
        SIP_TLS_CERTIFICATE=str(authority.issue("gateway.pem", HOST)),
        SIP_TLS_AUTHORITIES=str(authority.path),
    )
    with contextlib.ExitStack() as held:
        held.callback(gateway.close)
        gateway.start()
        address, hop = held.enter_context(proxy(require_program("kamailio"), tmp_path, authority, gateway.sips[1]))
        behind = type("Proxy", (), {"sip": address, "msrp": gateway.msrp})
        alice = held.enter_context(contextlib.closing(SipPeer("alice", behind)))
        bob = held.enter_context(contextlib.closing(SessionPeer("bob", behind)))
        with gateway.route(next_hop=hop, back_hop=hop):
            sent = alice.message(bob.uri, "through the proxy")
            invite = bob.expect("INVITE")
            assert [via.split()[0] for via in invite.all("Via")] == ["SIP/2.0/UDP", "SIP/2.0/TLS"]
            call = bob.answer(invite, headers=[f"Record-Route: {each}" for each in invite.all("Record-Route")])
            assert bob.expect("ACK").all("Via")[-1].startswith("SIP/2.0/TLS")
            call.expect_connection()
            assert call.take_message()
            answer = alice.final_answer_to(sent)
            assert answer.status == 200

            tid = call.send("and back")
            message = alice.expect("MESSAGE")
            assert [via.split()[0] for via in message.all("Via")] == ["SIP/2.0/UDP", "SIP/2.0/TLS"]
            alice.respond(message, 200)
            assert call.wire.response_to(tid).code == 200

            ended = gateway.manage("end", gateway.session_row(invite.call_id)["key"])
            assert ended.returncode == 0, ended.stderr
            bye = bob.expect("BYE")
            assert [via.split()[0] for via in bye.all("Via")] == ["SIP/2.0/UDP", "SIP/2.0/TLS"]
        assert gateway.complaints == []
