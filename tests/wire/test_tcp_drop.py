"""An MSRP connection that breaks at every point of a SEND, ours and theirs: nothing lost, doubled or told falsely."""

import contextlib
import socket

import pytest

from tests.wire.running import HOST

LONG = "a message of many segments " * 600


class Breaking:
    """A listener that takes one connection, reads up to `mark` in it, and breaks it."""

    def __init__(self):
        self.listener = socket.create_server((HOST, 0))
        self.listener.settimeout(5)
        self.path = f"msrp://{HOST}:{self.listener.getsockname()[1]}/breaking0123456789;tcp"

    def read_up_to(self, mark, *, of_content=True):
        """What was read; then the connection is reset, or closed where all was read.

        ``of_content``: of the SEND that follows the one that binds, which is answered 200.
        """
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(5)
            if of_content:
                bind = self._read(connection, b"$\r\n").decode()
                tid, to, own = (line.split(" ")[1] for line in bind.split("\r\n")[:3])
                connection.sendall(
                    f"MSRP {tid} 200 OK\r\nTo-Path: {own}\r\nFrom-Path: {to}\r\n-------{tid}$\r\n".encode()
                )
            return self._read(connection, mark)

    @staticmethod
    def _read(connection, mark):
        data = b""
        while mark not in data:
            more = connection.recv(1)
            assert more, data[-200:]
            data += more
        return data


@pytest.fixture
def breaking():
    made = Breaking()
    yield made
    made.listener.close()


@pytest.mark.parametrize("mark", [b"", b"M", b"Message-ID: ", b"$\r\n"])
def test_a_set_up_whose_connection_breaks_at_the_bind_goes_on_by_a_new_offer(alice, bob, breaking, mark):
    sent = alice.message(bob.uri, "first")
    call = bob.answer(bob.expect("INVITE"), own_path=breaking.path)
    bob.expect("ACK")
    breaking.read_up_to(mark, of_content=False)
    assert call.take_offer().take_message().body == b"first"
    assert alice.final_answer_to(sent).status == 200


@pytest.mark.parametrize(
    "mark",
    [b"", b"M", b"To-Path: ", b"Message-ID: ", b"\r\n\r\na mess", b"of many segments \r\n---", b"$\r\n"],
    ids=[
        "accepted",
        "first octet",
        "in the start",
        "in the head",
        "in the body",
        "in the end-line",
        "without an answer",
    ],
)
def test_our_send_breaks_off_and_goes_out_again_as_the_same(alice, bob, breaking, mark):
    sent = alice.message(bob.uri, LONG)
    call = bob.answer(bob.expect("INVITE"), own_path=breaking.path)
    bob.expect("ACK")
    read = breaking.read_up_to(mark)
    again = call.take_offer()
    first = again.expect_message()
    chunks = [first]
    again.wire.answer(first)
    while chunks[-1].flag == "+":
        chunks.append(again.take_message())
    assert b"".join(chunk.body for chunk in chunks) == LONG.encode()
    assert len({chunk["Message-ID"] for chunk in chunks}) == 1
    if b"Message-ID: " in read and not read.endswith(b"Message-ID: "):
        assert first["Message-ID"].encode() in read, "the peer knows it again"
    assert alice.final_answer_to(sent).status == 200


def test_an_answer_that_breaks_off_is_none(alice, bob, live):
    sent = alice.message(bob.uri, "did you get this?")
    first = live.expect_message()
    live.wire.write(f"MSRP {first.tid} 200 OK\r\nTo-Path: ".encode())
    live.wire.close()
    again = live.take_offer().take_message()
    assert again["Message-ID"] == first["Message-ID"]
    assert alice.final_answer_to(sent).status == 200


def test_an_answer_before_the_break_counts(gateway, alice, bob, live):
    sent = alice.message(bob.uri, "you got this")
    live.take_message()
    live.wire.close()
    assert alice.final_answer_to(sent).status == 200
    live.expect_bye()
    gateway.message_row(sent.call_id, state="delivered")
    assert bob.has_received("INVITE") == []


def test_their_whole_send_before_the_break_is_delivered_once(alice, bob, called):
    called.send("one", message_id="BreakAfter1")
    with contextlib.suppress(OSError):
        called.wire.socket.shutdown(socket.SHUT_WR)
    message = alice.expect("MESSAGE")
    alice.respond(message, 200)
    again = bob.call(alice.uri)
    tid = again.send("one", message_id="BreakAfter1")
    assert again.wire.response_to(tid).code == 200
    assert alice.has_received("MESSAGE") == []


def test_their_message_breaks_off_between_two_chunks(alice, bob, called):
    body = b"half a message"
    headers = ("Message-ID: BreakBetween1", f"Byte-Range: 1-*/{len(body)}", "Content-Type: text/plain")
    tid = called.wire.request("SEND", called.gateway_path, called.own_path, *headers, body=body[:4], flag="+")
    assert called.wire.response_to(tid).code == 200
    called.wire.close()
    called.expect_bye()
    assert alice.has_received("MESSAGE") == []
    again = bob.call(alice.uri)
    tid = again.send(body, message_id="BreakBetween1")
    message = alice.expect("MESSAGE")
    assert message.body == body
    alice.respond(message, 200)
    assert again.wire.response_to(tid).code == 200
