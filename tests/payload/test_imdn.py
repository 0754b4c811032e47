"""message/imdn+xml (RFC 5438 s11)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.payload import cpim
from protocols.payload.errors import PayloadError
from protocols.payload.imdn import STATUSES, Imdn, build, parse
from protocols.payload.xml_document import DEEPEST, LARGEST
from tests.payload.captures import wire

ABOUT = "<message-id>1</message-id><datetime>d</datetime>"
DELIVERED = "<delivery-notification><status><delivered/></status></delivery-notification>"


def document(inner: str) -> bytes:
    return f'<imdn xmlns="urn:ietf:params:xml:ns:imdn">{inner}</imdn>'.encode()


def refusal(data: bytes) -> int:
    with pytest.raises(PayloadError) as caught:
        parse(data)
    return caught.value.code


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("rfc5438-s7.2.1.1-delivered.cpim", "delivery", "delivered"),
        ("rfc5438-s7.2.1.2-displayed.cpim", "display", "displayed"),
        ("rfc5438-s8.1-processed.cpim", "processing", "processed"),
    ],
)
def test_the_examples_of_rfc5438(name, kind, status):
    message = cpim.parse(wire(name))
    assert message.content_type == "message/imdn+xml"
    assert parse(message.body) == Imdn(
        message_id="34jk324j",
        date_time="2008-04-04T12:16:49-05:00",
        kind=kind,
        status=status,
        recipient_uri="im:bob@example.com",
        original_recipient_uri="im:bob@example.com",
    )


def test_what_is_built_has_the_order_of_the_schema():
    assert build(Imdn("1", "2020-01-01T00:00:00Z", "delivery", "failed", "sip:a&b", "", "Hi <you>")) == (
        b'<?xml version="1.0" encoding="UTF-8"?>\r\n<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>1'
        b"</message-id><datetime>2020-01-01T00:00:00Z</datetime><recipient-uri>sip:a&amp;b</recipient-uri>"
        b"<original-recipient-uri>sip:a&amp;b</original-recipient-uri><subject>Hi &lt;you&gt;</subject>"
        b"<delivery-notification><status><failed/></status></delivery-notification></imdn>"
    )


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")).map(str.strip)
KINDS = st.sampled_from([(kind, status) for kind, statuses in STATUSES.items() for status in sorted(statuses)])


@given(TEXT.filter(bool), TEXT, KINDS, TEXT.filter(bool), TEXT.filter(bool), TEXT)
def test_what_is_built_is_read_again(message_id, date_time, kind, recipient, original, subject):
    imdn = Imdn(message_id, date_time, *kind, recipient, original, subject)
    assert parse(build(imdn)) == imdn


@given(st.text(min_size=1), st.text(), st.text(), st.text())
def test_whatever_the_texts_the_document_is_well_formed(message_id, date_time, recipient, subject):
    data = build(Imdn(f"x{message_id}", date_time, "display", "error", recipient, "", subject))
    assert parse(data).status == "error"


@pytest.mark.parametrize(
    "imdn", [Imdn("1", "", "delivery", "displayed"), Imdn("1", "", "x", "error"), Imdn("", "", "display", "displayed")]
)
def test_what_is_no_notification_is_not_written(imdn):
    with pytest.raises(PayloadError):
        build(imdn)


def test_extensions_of_other_namespaces_are_passed_over():
    data = document(
        '<x:message-id xmlns:x="urn:x">no</x:message-id>'
        + ABOUT
        + '<delivery-notification><status><x:stored xmlns:x="urn:x"/><failed/></status></delivery-notification>'
    )
    assert parse(data) == Imdn("1", "d", "delivery", "failed")


def test_a_document_without_the_namespace_is_understood():
    assert parse(f"\r\n<imdn>{ABOUT}{DELIVERED}</imdn>\r\n".encode()).status == "delivered"


def test_a_prefix_is_as_good_as_the_default_namespace():
    data = (
        b'\xef\xbb\xbf<i:imdn xmlns:i="urn:ietf:params:xml:ns:imdn"><i:message-id>1</i:message-id><i:datetime/>'
        b"<i:display-notification><i:status><i:displayed/></i:status></i:display-notification></i:imdn>"
    )
    assert parse(data) == Imdn("1", "", "display", "displayed")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"<imdn>",
        b'<imdn xmlns="urn:other"/>',
        b"<x:imdn/>",
        document(""),
        document(ABOUT),
        document(DELIVERED),
        document(ABOUT + DELIVERED + DELIVERED),
        document(ABOUT + "<delivery-notification><status/></delivery-notification>"),
        document(ABOUT + "<delivery-notification><status><displayed/></status></delivery-notification>"),
        document(ABOUT + DELIVERED).decode().encode("utf-16-be"),
        b'<?xml version="1.0" encoding="iso-8859-1"?>'
        + document(ABOUT + "<subject>\xe9</subject>").decode().encode("latin-1"),
        b'<!DOCTYPE imdn [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        + document("<message-id>&b;</message-id>"),
        b'<!DOCTYPE imdn SYSTEM "file:///etc/passwd">' + document(ABOUT + DELIVERED),
        document(ABOUT + "<x>" * DEEPEST + "</x>" * DEEPEST + DELIVERED),
    ],
)
def test_malformed(data):
    assert refusal(data) == 400


def test_a_document_of_64_kib_is_the_largest():
    data = document(ABOUT + DELIVERED)
    padded = data.replace(b"</imdn>", b" " * (LARGEST - len(data)) + b"</imdn>")
    assert parse(padded).status == "delivered"
    assert refusal(padded + b" ") == 413


PIECES = st.sampled_from(
    b'<imdn xmlns="urn:ietf:params:xml:ns:imdn">|</imdn>|<message-id>|</message-id>|<delivery-notification>|<status>|'
    b"<failed/>|</status>|</delivery-notification>|<!DOCTYPE x>|&amp;|&x;|<![CDATA[|]]>|<!--|-->|<?x?>|\x00|\xff".split(
        b"|"
    )
)


@given(st.binary() | st.lists(PIECES, max_size=20).map(b"".join))
def test_nothing_else_is_ever_raised(data):
    with suppress(PayloadError):
        parse(data)
