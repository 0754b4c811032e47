"""SIP over TLS (RFC 3261 s26.2.1, RFC 5922): whose certificate is believed, and what the operator sees of it."""

import ssl
import time

import pytest

from tests.wire.conftest import SHORT_TIMES
from tests.wire.running import HOST, Running
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import Closed, SipPeer
from tests.wire.tls import Authority

HOP = "sip:127.0.0.1:{};transport=tls"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secured(authority):
    gateway = Running(
        **SHORT_TIMES,
        SIP_TLS_CERTIFICATE=str(authority.issue("gateway.pem", HOST, days=20)),
        SIP_TLS_AUTHORITIES=str(authority.path),
    )
    try:
        yield gateway.start()
    finally:
        gateway.close()


@pytest.fixture
def gateway(secured):
    before = len(secured.complaints)
    yield secured
    assert secured.complaints[before:] == []


@pytest.fixture
def people(gateway, authority):
    """`people(certificate)`: alice, and bob who shows it, both over TLS."""
    made = []

    def start(certificate=None):
        accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        accepting.load_cert_chain(certificate or authority.issue("bob.pem", HOST))
        connecting = ssl.create_default_context(cafile=authority.path)
        made.extend(kind("someone", gateway, "tls", tls=(accepting, connecting)) for kind in (SipPeer, SessionPeer))
        return made[-2:]

    yield start
    for each in made:
        each.close()


def test_a_conversation_over_tls_stays_on_tls(gateway, people):
    alice, bob = people()
    sent = alice.message(bob.uri, "in private")
    invite = bob.expect("INVITE")
    assert invite["Via"].startswith(f"SIP/2.0/TLS {HOST}:{gateway.sips[1]};")
    assert invite["Contact"] == f"<sip:{HOST}:{gateway.sips[1]};transport=tls>"
    call = bob.answer(invite)
    assert bob.expect("ACK").back is invite.back, "the same connection"
    call.expect_connection()
    call.take_message()
    answer = alice.final_answer_to(sent)
    assert answer.status == 200
    assert alice._out.peer_certificate()["subjectAltName"] == (("IP Address", HOST),)
    assert gateway.message_row(sent.call_id, state="delivered")["msrp_code"] == 200

    tid = call.send("and back")
    message = alice.expect("MESSAGE")
    assert message["Via"].startswith("SIP/2.0/TLS ")
    alice.respond(message, 200)
    assert call.wire.response_to(tid).code == 200
    call.bye()
    (row,) = gateway.wait_for_rows("SELECT * FROM sessions_app_gatewaysession WHERE call_id = %s AND state = 'ended'",
                                   invite.call_id)  # fmt: skip
    assert (row["to_msrp"], row["to_page"]) == (1, 1)


def test_who_calls_over_tls_is_answered_with_a_secure_contact(gateway, people):
    alice, bob = people()
    sent = bob.invite(alice.uri)
    answer = bob.final_answer_to(sent)
    assert answer["Contact"] == f"<sip:{HOST}:{gateway.sips[1]};transport=tls>"
    call = bob.dialog_of(sent, answer)
    call.ack()
    call.connect_and_bind()
    tid = call.send("hello")
    message = alice.expect("MESSAGE")
    alice.respond(message, 200)
    assert call.wire.response_to(tid).code == 200


@pytest.mark.parametrize(
    ("names", "days", "detail"),
    [
        (["192.0.2.7"], 90, "IP address mismatch"),
        (["bob.example"], 90, "IP address mismatch"),
        ([HOST], -1, "certificate has expired"),
    ],
    ids=["of another address", "of a name", "expired"],
)
def test_a_certificate_that_is_not_the_peers_or_not_valid_is_refused(gateway, people, authority, names, days, detail):
    alice, bob = people(authority.issue("wrong.pem", *names, days=days))
    refused(gateway, alice, alice.message(bob.uri), detail)
    bob.inbox.take(lambda each: isinstance(each, Closed), 5, "no connection")


def test_an_unknown_authority_is_refused(gateway, people, tmp_path):
    alice, bob = people(Authority(tmp_path, "Somebody").issue("own.pem", HOST))
    refused(gateway, alice, alice.message(bob.uri), "unable to get local issuer certificate")


def refused(gateway, alice, sent, detail):
    """Nothing was sent, the sender was told, the cause is on record."""
    assert alice.final_answer_to(sent).status == 500
    row = gateway.failure_row(alice.uri)
    assert (row["leg"], row["layer"], row["code"]) == ("msrp", "tls", None)
    assert row["detail"].startswith("the peer's certificate is refused: ")
    assert detail in row["detail"]


def test_a_port_that_does_not_speak_tls_is_a_failure_of_the_handshake(gateway, people, session):
    alice, _ = people()
    plain = session("bob", "tcp")
    plain.uri = plain.uri.replace("transport=tcp", "transport=tls")
    sent = alice.message(plain.uri)
    hello = plain.inbox.take(lambda each: isinstance(each, Closed), 5, "end of the connection")
    assert isinstance(hello, Closed)
    assert alice.final_answer_to(sent).status == 500
    assert gateway.failure_row(alice.uri)["layer"] == "tls"


def test_whoever_does_not_shake_hands_gets_no_further_and_disturbs_nobody(gateway, people, page):
    noise = page("noise", "tcp")
    noise.gateway = type("Elsewhere", (), {"sip": gateway.sips})
    noise.write(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    noise.inbox.take(lambda each: isinstance(each, Closed), 5, "end of the connection")
    test_a_conversation_over_tls_stays_on_tls(gateway, people)


def test_an_operator_sees_until_when_certificates_are_valid(gateway, people, authority):
    _, hop = people(authority.issue("hop.pem", HOST, days=60))
    hop.answers_at_once = {"OPTIONS"}
    target = HOP.format(hop.address[1])
    with gateway.route(next_hop=target, priority=9_000):
        (check,) = gateway.wait_for_rows(
            "SELECT *, extract(epoch FROM certificate_expires) AS ends FROM sessions_app_peercheck WHERE target = %s",
            target,
            within=10,
        )
    assert check["reachable"]
    assert abs(float(check["ends"]) - time.time() - 60 * 86_400) < 120
    (node,) = gateway.rows("SELECT extract(epoch FROM certificate_expires) AS ends FROM sessions_app_node")
    assert abs(float(node["ends"]) - time.time() - 20 * 86_400) < 300
