"""What a body becomes on the other side: CPIM, html, charsets, codings, sizes (RULEBOOK P1, P2, S33, M5, M11, W2)."""

import gzip
import zlib

import pytest

from tests.wire.cpim import cpim, field
from tests.wire.running import Running
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

MIXED = b"--x\r\nContent-Type: text/plain\r\n\r\none\r\n--x\r\nContent-Type: text/html\r\n\r\n<b>two</b>\r\n--x--\r\n"


@pytest.fixture
def everything(gateway, bob):
    """A route that carries every type to bob."""
    with gateway.route(to_pattern=f".*{bob.user}.*", content_types="*"):
        yield


def test_a_peer_that_names_cpim_first_gets_everything_wrapped(gateway, alice, bob):
    sent = alice.message(bob.uri, "hëllo", content_type="text/plain;charset=UTF-8", headers=["Subject: the plan"])
    call = bob.take_call(accept_types="message/cpim text/plain")
    send = call.take_message()
    assert send["Content-Type"] == "message/cpim"
    assert send.body.endswith(b"\r\n\r\nh\xc3\xabllo")
    assert (field(send.body, "From"), field(send.body, "To")) == (f"<{alice.uri}>", f"<{bob.uri}>")
    assert field(send.body, "Subject") == "the plan"
    assert field(send.body, "DateTime").endswith("Z")
    assert field(send.body, "Content-Type") == "text/plain;charset=UTF-8"
    assert alice.final_answer_to(sent).status == 200
    assert gateway.message_row(sent.call_id)["subject"] == "the plan"


def test_a_peer_that_takes_only_the_container_gets_it(alice, bob):
    sent = alice.message(bob.uri, "inside")
    call = bob.take_call(accept_types="message/cpim", extra=["a=accept-wrapped-types:text/plain message/imdn+xml"])
    assert field(call.take_message().body, "Content-Type") == "text/plain"
    assert alice.final_answer_to(sent).status == 200


def test_what_is_not_taken_inside_of_the_container_is_415(alice, bob, everything):
    sent = alice.message(bob.uri, b"GIF89a", content_type="image/gif")
    call = bob.take_call(accept_types="message/cpim text/plain", extra=["a=accept-wrapped-types:text/plain"])
    assert alice.final_answer_to(sent).status == 415
    assert call.wire.having("SEND") == []


def test_cpim_goes_through_to_the_octet(alice, bob):
    body = cpim(
        "as it is  \r\n", sender="im:alice@example.com", recipient="im:bob@example.com", headers=["x.Odd: a  b"]
    )
    sent = alice.message(bob.uri, body, content_type="message/cpim")
    call = bob.take_call(accept_types="message/cpim text/plain")
    assert call.take_message().body == body
    assert alice.final_answer_to(sent).status == 200


def test_cpim_is_unwrapped_for_a_peer_that_does_not_take_it(gateway, alice, bob):
    body = cpim("only this", sender=alice.uri, recipient=bob.uri, headers=["Subject: kept"])
    sent = alice.message(bob.uri, body, content_type="message/cpim")
    call = bob.take_call(accept_types="text/plain")
    send = call.take_message()
    assert (send.body, send["Content-Type"]) == (b"only this", "text/plain;charset=UTF-8")
    assert alice.final_answer_to(sent).status == 200
    assert gateway.message_row(sent.call_id)["subject"] == "kept"


def test_content_that_cannot_be_taken_out_of_its_wrapper_is_415(alice, bob):
    body = cpim("====", sender=alice.uri, recipient=bob.uri, content=["Content-Transfer-Encoding: x-strange"])
    sent = alice.message(bob.uri, body, content_type="message/cpim")
    bob.take_call(accept_types="text/plain")
    assert alice.final_answer_to(sent).status == 415


def test_a_transfer_encoding_is_undone_with_the_wrapper(alice, bob):
    body = cpim("aGVsbG8=", sender=alice.uri, recipient=bob.uri, content=["Content-Transfer-Encoding: base64"])
    sent = alice.message(bob.uri, body, content_type="message/cpim")
    assert bob.take_call(accept_types="text/plain").take_message().body == b"hello"
    assert alice.final_answer_to(sent).status == 200


def test_what_is_signed_is_not_unwrapped(alice, bob, everything):
    body = cpim(
        "xxx", sender=alice.uri, recipient=bob.uri, kind='multipart/signed; protocol="application/pkcs7-signature"'
    )
    sent = alice.message(bob.uri, body, content_type="message/cpim")
    call = bob.take_call(accept_types="text/plain multipart/signed")
    assert alice.final_answer_to(sent).status == 415
    assert call.wire.having("SEND") == []


def test_s_mime_passes_untouched(alice, bob, everything):
    body = bytes(range(256))
    kind = 'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"'
    sent = alice.message(bob.uri, body, content_type=kind)
    call = bob.take_call(accept_types="*")
    send = call.take_message()
    assert (send.body, send["Content-Type"]) == (body, kind)
    assert alice.final_answer_to(sent).status == 200


def test_multipart_passes_whole_both_ways(gateway, alice, bob, everything):
    kind = "multipart/mixed;boundary=x"
    sent = alice.message(bob.uri, MIXED, content_type=kind)
    call = bob.take_call(accept_types="*")
    assert call.take_message().body == MIXED
    assert alice.final_answer_to(sent).status == 200
    tid = call.send(MIXED, content_type=kind)
    back = alice.expect("MESSAGE")
    assert (back.body, back["Content-Type"]) == (MIXED, kind)
    alice.respond(back, 200)
    assert call.wire.response_to(tid).code == 200


@pytest.mark.parametrize(
    "malformed", [b"From <sip:a@b>\r\n\r\n", b"no header at all", b""], ids=["colon", "none", "empty"]
)
def test_malformed_cpim_is_400(alice, bob, malformed):
    sent = alice.message(bob.uri, malformed or b"\r\n", content_type="message/cpim")
    assert alice.final_answer_to(sent).status == 400
    assert bob.has_received("INVITE") == []


def test_cpim_that_requires_what_nobody_here_knows_is_415(alice, bob):
    body = cpim("x", sender=alice.uri, recipient=bob.uri, headers=["Require: Locale.MustRenderKanji"])
    assert alice.final_answer_to(alice.message(bob.uri, body, content_type="message/cpim")).status == 415


def test_html_becomes_text_for_who_takes_only_that(gateway, alice, bob):
    with gateway.route(to_pattern=f".*{bob.user}.*", content_types="text/plain text/html"):
        sent = alice.message(bob.uri, "<p>Hello <b>bob</b></p><p>bye</p>", content_type="text/html")
        send = bob.take_call(accept_types="text/plain").take_message()
        assert send["Content-Type"].startswith("text/plain")
        assert send.body.split() == [b"Hello", b"bob", b"bye"]
        assert alice.final_answer_to(sent).status == 200


def test_html_becomes_text_after_a_415(gateway, page, bob):
    alice = page()
    with gateway.route(method="INVITE", action="msrp_gw_answer", to_pattern=f".*{alice.user}.*",
                       content_types="text/plain text/html"):  # fmt: skip
        call = bob.call(alice.uri, accept_types="*")
        tid = call.send("<b>bold</b>", content_type="text/html")
        first = alice.expect("MESSAGE")
        assert first["Content-Type"] == "text/html"
        alice.respond(first, 415, headers=["Accept: text/plain"])
        second = alice.expect("MESSAGE")
        assert (second.body, second.call_id, second.cseq) == (b"bold", first.call_id, (2, "MESSAGE"))
        alice.respond(second, 200)
        assert call.wire.response_to(tid).code == 200
        call.send("<i>again</i>", content_type="text/html")
        assert alice.expect("MESSAGE").body == b"again", "what was refused is not tried again"


def test_another_charset_becomes_utf_8(alice, bob):
    sent = alice.message(bob.uri, "grüße".encode("latin-1"), content_type="text/plain; charset=ISO-8859-1")
    send = bob.take_call().take_message()
    assert send.body == "grüße".encode()
    assert "utf-8" in send["Content-Type"].lower()
    assert alice.final_answer_to(sent).status == 200


@pytest.mark.parametrize("charset", ["klingon", "utf-16", "rot13"])
def test_a_charset_that_cannot_be_read_is_415(alice, bob, charset):
    sent = alice.message(bob.uri, b"\xff\xfe\xff", content_type=f"text/plain; charset={charset}")
    answer = alice.final_answer_to(sent)
    assert answer.status == 415
    assert "text/plain" in answer["Accept"]


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda data: zlib.compress(data)[2:-4])],
    ids=["gzip", "deflate", "raw deflate"],
)
def test_a_coded_body_is_decoded(alice, bob, coding, encode):
    sent = alice.message(bob.uri, encode(b"hello " * 50), headers=[f"Content-Encoding: {coding}"])
    assert bob.take_call().take_message().body == b"hello " * 50
    assert alice.final_answer_to(sent).status == 200


def test_a_small_body_that_becomes_a_large_one_is_413(alice, bob):
    """20,000 octets are the limit in this gateway."""
    bomb = zlib.compress(b"\0" * 10_000_000)
    assert len(bomb) < 20_000
    assert alice.final_answer_to(alice.message(bob.uri, bomb, headers=["Content-Encoding: deflate"])).status == 413


def test_a_corrupt_coding_is_400(alice, bob):
    assert alice.final_answer_to(alice.message(bob.uri, b"junk", headers=["Content-Encoding: gzip"])).status == 400


@pytest.mark.parametrize("kind", ["application/vnd.3gpp.sms", "application/resource-lists+xml"])
def test_what_is_no_message_is_415_whatever_the_route_says(alice, bob, everything, kind):
    assert alice.final_answer_to(alice.message(bob.uri, b"\x00\x01", content_type=kind)).status == 415


def test_subject_priority_and_reply_to_go_along_with_the_call_and_back(alice, bob):
    sent = alice.message(bob.uri, headers=["Subject: tea", "Priority: urgent", "Reply-To: <sip:desk@example.com>"])
    invite = bob.expect("INVITE")
    carried = [invite[name] for name in ("Subject", "Priority", "Reply-To")]
    assert carried == ["tea", "urgent", "<sip:desk@example.com>"]
    call = bob.answer(invite)
    bob.expect("ACK")
    call.expect_connection().take_message()
    assert alice.final_answer_to(sent).status == 200


def test_the_subject_of_cpim_is_the_subject_of_the_message(alice, bob):
    call = bob.call(alice.uri, accept_types="message/cpim text/plain")
    call.send(cpim("hi", sender=bob.uri, recipient=alice.uri, headers=["Subject: lunch"]), content_type="message/cpim")
    message = alice.expect("MESSAGE")
    assert (message.body, message["Subject"], message["Content-Type"]) == (b"hi", "lunch", "text/plain;charset=UTF-8")


def test_who_sends_cpim_gets_cpim(alice, bob):
    sent = alice.message(bob.uri, cpim("hi", sender=alice.uri, recipient=bob.uri), content_type="message/cpim")
    call = bob.take_call(accept_types="message/cpim text/plain")
    call.take_message()
    assert alice.final_answer_to(sent).status == 200
    body = cpim("back", sender=bob.uri, recipient=alice.uri)
    call.send(body, content_type="message/cpim")
    message = alice.expect("MESSAGE")
    assert (message.body, message["Content-Type"]) == (body, "message/cpim")


# ---------------------------------------------------------------------------------------------------------------- size


@pytest.fixture
def peer_of_a_kind(gateway):
    """`peer_of_a_kind(oversize=..., takes_cpim=...)`: how the users on this machine take messages, for a while."""
    columns = {"oversize": "stream", "takes_cpim": "auto"}

    def change(**values):
        for name, value in values.items():
            gateway.change_routes(f"UPDATE sessions_app_peer SET {name} = %s", value)

    yield change
    for name, value in columns.items():
        gateway.change_routes(f"UPDATE sessions_app_peer SET {name} = %s", value)


@pytest.fixture
def big_gateway():
    """With the limits as they are shipped."""
    gateway = Running()
    yield gateway.start()
    gateway.close()


def test_a_long_text_is_split_into_numbered_parts_where_the_peer_wants_it(gateway, alice, bob, peer_of_a_kind):
    peer_of_a_kind(oversize="split")
    text = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. " * 40
    call = bob.call(alice.uri)
    tid = call.send(text, message_id="Long1", reports=["Success-Report: yes"])
    parts = []
    while not parts or len(parts) < int(parts[0].partition(")")[0].partition("/")[2]):
        message = alice.expect("MESSAGE")
        assert len(message.raw) <= 1300
        assert call.wire.having("REPORT") == [], "not all of it is there"
        parts.append(message.body.decode())
        alice.respond(message, 200)
    assert len(parts) > 2
    assert [part.partition(") ")[0] for part in parts] == [f"({n}/{len(parts)}" for n in range(1, len(parts) + 1)]
    assert "".join(part.partition(") ")[2] for part in parts) == text
    assert call.wire.response_to(tid).code == 200
    assert call.report("Long1")["Status"] == "000 200 OK"


def test_a_part_that_is_refused_fails_the_message(gateway, alice, bob, peer_of_a_kind):
    peer_of_a_kind(oversize="split")
    call = bob.call(alice.uri)
    tid = call.send("word " * 500)
    alice.respond(alice.expect("MESSAGE"), 200)
    second = alice.expect("MESSAGE")
    alice.respond(second, 404)
    assert call.wire.response_to(tid).code in (200, 403)
    row = gateway.wait_for_rows(
        "SELECT detail FROM sessions_app_messagerecord WHERE state = 'failed' AND to_uri = %s", alice.uri
    )
    assert "part 2 of" in row[0]["detail"]


def test_what_cannot_be_split_is_413_there(alice, bob, gateway, peer_of_a_kind):
    peer_of_a_kind(oversize="split")
    with gateway.route(method="INVITE", action="msrp_gw_answer", to_pattern=f".*{alice.user}.*", content_types="*"):
        call = bob.call(alice.uri, accept_types="*")
        tid = call.send(b"\x00" * 2000, content_type="image/gif")
        assert call.wire.response_to(tid).code == 413
        assert alice.has_received("MESSAGE") == []


def test_a_peer_that_takes_nothing_large_is_known_by_max_size(alice, bob, peer_of_a_kind):
    peer_of_a_kind(oversize="refuse")
    call = bob.call(alice.uri)
    assert b"a=max-size:900\r\n" in call.answer.body
    tid = call.send("x" * 901)
    assert call.wire.response_to(tid).code == 413
    fits = call.send("x" * 900)
    message = alice.expect("MESSAGE")
    assert len(message.raw) <= 1300
    alice.respond(message, 200)
    assert call.wire.response_to(fits).code == 200


def test_ten_megabytes_reach_a_user_who_reads_over_tcp(big_gateway):
    """The connection is behind for a while, which is no reason to close it."""
    alice, bob = SipPeer("alice", big_gateway, "tcp"), SessionPeer("bob", big_gateway)
    try:
        call = bob.call(alice.uri)
        body = b"0123456789abcdef" * 600_000
        for at in range(0, len(body), 1_000_000):
            piece = body[at : at + 1_000_000]
            last = at + 1_000_000 >= len(body)
            tid = call.wire.request("SEND", call.gateway_path, call.own_path, "Message-ID: Large1",
                                    f"Byte-Range: {at + 1}-{at + len(piece)}/{len(body)}", "Content-Type: text/plain",
                                    body=piece, flag="$" if last else "+")  # fmt: skip
        message = alice.expect("MESSAGE", within=30)
        assert message.body == body
        alice.respond(message, 200)
        assert call.wire.response_to(tid).code == 200
    finally:
        alice.close()
        bob.close()
