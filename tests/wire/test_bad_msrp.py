"""What an MSRP peer should not send. After each of it the gateway carries the next good message."""

import pytest


@pytest.fixture(autouse=True)
def carries_on(alice, bob, live):
    """The session from before the fault carries messages after it, both ways."""
    yield
    sent = alice.message(bob.uri, "after all that")
    assert live.take_message().body == b"after all that"
    assert alice.final_answer_to(sent).status == 200
    tid = live.send("yes")
    message = alice.expect("MESSAGE")
    assert message.body == b"yes"
    alice.respond(message, 200)
    assert live.wire.response_to(tid).code == 200


@pytest.fixture
def stray(bob):
    """A connection without a session."""
    return bob.msrp.connect()


def test_a_send_for_no_session_is_481(gateway, stray, bob):
    tid = stray.send(f"msrp://127.0.0.1:{gateway.msrp_port}/nosuchsession0000000;tcp", bob.msrp.new_path(), "hello")
    assert stray.response_to(tid).code == 481


def test_d32_a_second_connection_for_a_bound_session_is_506(stray, live):
    assert stray.response_to(stray.send(live.gateway_path, live.own_path, "let me in")).code == 506


def test_d32_a_wrong_from_path_is_481(live, bob):
    tid = live.wire.send(live.gateway_path, bob.msrp.new_path(), "let me in")
    assert live.wire.response_to(tid).code == 481


def test_d07_a_report_for_nothing_is_ignored(alice, live):
    """D10 too: what a REPORT lacks does not hurt."""
    for headers in (
        ["Message-ID: nobody", "Byte-Range: 1-5/5", "Status: 000 200 OK"],
        ["Message-ID: nobody", "Status: 000 413 Too big"],
        ["Message-ID: nobody"],
        ["Status: 000 200 OK"],
        [],
        ["Message-ID: nobody", "Byte-Range: x", "Status: y"],
    ):
        live.wire.request("REPORT", live.gateway_path, live.own_path, *headers)
    assert live.wire.response_to(live.wire.bind(live.gateway_path, live.own_path)).code == 200
    assert alice.has_received("MESSAGE") == []


def test_a_report_for_no_session_is_not_answered(stray, bob, gateway):
    path = f"msrp://127.0.0.1:{gateway.msrp_port}/nosuchsession0000000;tcp"
    stray.request("REPORT", path, bob.msrp.new_path(), "Message-ID: x", "Status: 000 200 OK")
    tid = stray.send(path, bob.msrp.new_path(), "hello")
    assert stray.response_to(tid).code == 481
    assert len(stray.inbox.everything()) == 1


def test_d34_an_unknown_method_is_501(live):
    assert live.wire.response_to(live.wire.request("DANCE", live.gateway_path, live.own_path)).code == 501


def test_a_type_that_was_not_offered_is_415(alice, live):
    assert live.wire.response_to(live.send("<b>hello</b>", content_type="text/html")).code == 415
    assert alice.has_received("MESSAGE") == []


@pytest.mark.parametrize(
    "headers",
    [
        ["Byte-Range: 1-5/5", "Content-Type: text/plain"],
        ["Message-ID: x y", "Byte-Range: 1-5/5", "Content-Type: text/plain"],
        ["Message-ID: Good1", "Byte-Range: one-five", "Content-Type: text/plain"],
        ["Message-ID: Good1", "Byte-Range: 1-5/5"],
    ],
    ids=["no Message-ID", "bad Message-ID", "bad Byte-Range", "no Content-Type"],
)
def test_a_malformed_send_is_400(alice, live, headers):
    tid = live.wire.request("SEND", live.gateway_path, live.own_path, *headers, body=b"hello")
    assert live.wire.response_to(tid).code == 400
    assert alice.has_received("MESSAGE") == []


def test_an_answer_to_nothing_is_ignored(live):
    live.wire.write(
        f"MSRP nobody12 200 OK\r\nTo-Path: {live.gateway_path}\r\nFrom-Path: {live.own_path}\r\n"
        "-------nobody12$\r\n".encode()
    )


def test_what_is_no_msrp_closes_its_connection_and_no_other(bob):
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 5000, b"MSRP \r\n\r\n", b"x" * 20_000):
        wire = bob.msrp.connect()
        wire.write(garbage)
        wire.expect_close(within=4)


def test_d35_a_line_that_looks_like_an_end_line_is_content(alice, bob, live):
    text = "one\r\n-------abcdefgh$\r\ntwo\r\n-------"
    tid = live.send(text)
    message = alice.expect("MESSAGE")
    assert message.body == text.encode()
    alice.respond(message, 200)
    assert live.wire.response_to(tid).code == 200
    sent = alice.message(bob.uri, text)
    assert live.take_message().body == text.encode()
    assert alice.final_answer_to(sent).status == 200


def test_a_peer_that_connects_and_says_nothing_is_closed_in_time(bob, gateway):
    """Bind timeout is 2 s here. Of SIP connections see GATEWAY_SIP_IDLE_TIMEOUT."""
    silent = bob.msrp.connect()
    stammering = bob.msrp.connect()
    stammering.write(b"MSRP abcdefgh SEND\r\n")
    silent.expect_close(within=4)
    stammering.expect_close(within=4)
