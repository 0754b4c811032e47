"""What is made of texts: charsets, HTML, content codings, XML, parts of a long one."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import Final

from protocols.payload import charset, content_type, encoding, html, imdn, iscomposing, multipart, split
from protocols.payload.charset_names import CODECS
from protocols.payload.cpim_escape import whole
from protocols.payload.errors import PayloadError
from protocols.payload.xml_document import DEEPEST, LARGEST, Element, read_document
from tests.fuzz.invariant import holds
from tests.fuzz.target import Target

_NAMES: Final = sorted(CODECS)


def run_charset(data: bytes) -> None:
    """A Content-Type on the first line, or the number of a set; then the octets of a text."""
    first, _, body = data.partition(b"\n")
    written = first.decode("utf-8", "replace")
    if len(first) == 1:
        written = f"text/plain;charset={_NAMES[first[0] % len(_NAMES)]}"
    where = content_type.find_charset(written)
    if where is not None:
        holds(
            written[where.start : where.end].strip() != "" or where.value == "", "a charset is somewhere else", written
        )
        again = content_type.with_charset(written, where, "utf-8")
        found = content_type.find_charset(again)
        holds(found is not None and found.value == "utf-8", "another charset cannot be put there", written, again)
        holds(content_type.essence(again) == content_type.essence(written), "another type", written, again)
    try:
        text, kind = charset.to_utf8(body, written)
    except PayloadError as error:
        holds(error.code == 415, "refused with another code", error.code)
        return
    if kind == written:
        holds(text == body, "changed, and not said", written)
    else:
        text.decode()
        holds(charset.to_utf8(text, kind) == (text, kind), "not done with once", kind)
        holds(len(text) <= 4 * len(body) + 4, "a text grows", len(text), len(body))


def run_html(data: bytes) -> None:
    """A document."""
    for kind in ("text/html", "text/html;charset=utf-8", "application/xhtml+xml;charset=utf-16"):
        with suppress(PayloadError):
            text = html.to_text(data, kind)
            text.encode()
            holds(not any(c < " " and c not in "\n\t" for c in text), "control characters", text)
            holds(len(text) <= 4 * len(data) + 10, "a document grows", len(text), len(data))


def run_encoding(data: bytes) -> None:
    """A Content-Encoding on the first line, a ``+`` before it where the octets are not encoded yet; then the octets."""
    first, _, body = data.partition(b"\n")
    coding = first.decode("latin-1")
    for limit in (0, 100, 5_000):
        with suppress(PayloadError):
            holds(len(encoding.decode(body, coding, limit)) <= limit, "more than the limit", coding, limit)
    with suppress(PayloadError):
        holds(len(encoding.decode_transfer(body, coding)) <= len(body), "grew by being decoded", coding)
    for window, name in ((15, "deflate"), (-15, "deflate"), (31, "gzip"), (31, "x-gzip")):
        maker = zlib.compressobj(wbits=window)
        packed = maker.compress(body) + maker.flush()
        holds(encoding.decode(packed, name, len(body)) == body, "not what was encoded", name, body)


def run_xml(data: bytes) -> None:
    """A document that may be an IMDN or an isComposing."""
    with suppress(PayloadError):
        root = read_document(data)
        count, depth = _measured(root)
        holds(count <= LARGEST and depth <= DEEPEST, "a tree larger than its document", count, depth)
        _looked = root.text, list(root.each(frozenset({""})))
    with suppress(PayloadError):
        notification = imdn.parse(data)
        again = imdn.parse(imdn.build(notification))
        about = (notification.message_id, notification.date_time, notification.kind, notification.status)
        holds(
            (again.message_id, again.date_time, again.kind, again.status) == about,
            "a notification changes",
            about,
            again,
        )
    with suppress(PayloadError):
        document = iscomposing.parse(data)
        holds(iscomposing.parse(iscomposing.build(document)) == document, "a status changes", document)
        state = iscomposing.ComposingState()
        state.seen(document, 0.0)
        holds(state.active == (document.state == iscomposing.ACTIVE), "another state", document)


def _measured(root: Element) -> tuple[int, int]:
    """Elements, and how deep they are."""
    count, depth, level = 0, 0, [root]
    while level:
        count, depth = count + len(level), depth + 1
        level = [child for each in level for child in each.children]
    return count, depth


def run_multipart(data: bytes) -> None:
    """A Content-Type on the first line, then a body."""
    first, _, body = data.partition(b"\n")
    with suppress(PayloadError):
        parts = multipart.parts_of(body, first.decode("utf-8", "replace").rstrip("\r"))
        holds(len(parts) <= multipart.MOST_PARTS, "too many parts", len(parts))
        holds(sum(len(part.octets) for part in parts) <= len(body), "more in the parts than in the whole", parts)
        for part in parts:
            holds(part.octets in body, "octets that were not there", part)
            holds(not part.essence.startswith("multipart/"), "a multipart that was not taken apart", part)
            _looked = part.is_optional
            with suppress(PayloadError):
                holds(len(part.body(100)) <= 100, "more than the limit", part)


def run_split(data: bytes) -> None:
    """A text in parts of a size that the first octets say."""
    budget = 1 + int.from_bytes(data[:2], "big") % 300
    try:
        text = data[2:].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = data[2:].decode("utf-8", "replace")
    with suppress(PayloadError):
        parts = split.split_text(text, budget)
        holds(all(len(part) <= budget for part in parts), "a part is too long", budget, parts)
        if len(parts) > 1:
            bare = [part[part.index(b") ") + 2 :] for part in parts]
            holds(b"".join(bare) == whole(text).encode(), "something is left out", text, parts)
            holds(all(bare), "an empty part", parts)


_CHARSET_WORDS: Final = [
    *(
        b"text/plain;charset=",
        b'text/plain; charset="utf-16"\n',
        b"text/html;charset=utf-7\n",
        b'Text/Plain;x=";";CHARSET=gb2312 ;y\n',
        b"\n",
    ),
    *(
        name.encode()
        for name in (
            "utf-16",
            "utf-32",
            "utf-16le",
            "shift_jis",
            "iso-2022-jp",
            "iso-2022-kr",
            "hz-gb-2312",
            "big5",
            "johab",
        )
    ),
    *(
        b"\xfe\xff",
        b"\xff\xfe",
        b"\xff\xfe\0\0",
        b"\xef\xbb\xbf",
        b"\x1b$B",
        b"\x1b(B",
        b"\x1b(J",
        b"\x1b$)C",
        b"\x0e",
        b"\x0f",
        b"~{",
        b"~}",
        b"+AGE-",
    ),
    *(
        b";",
        b"=",
        b'"',
        b"\\",
        b" ",
        b"\xd8\x3d\xde\x00",
        b"\x81\x40",
        b"\x88\x62",
        b"\x80",
        b"\xa1\xa4",
        b"\xf9\xd6",
        b"\x81\x30\x81\x30",
        b"abc",
    ),
]
_HTML_WORDS: Final = [
    *(
        b"<p>",
        b"</p>",
        b"<br>",
        b"<a href='http://x'>",
        b"<a href=",
        b"</a>",
        b"<b ",
        b"<pre>",
        b"</pre>",
        b"<li>",
        b"<td>",
        b"<img alt=",
        b"<!--",
    ),
    *(
        b"-->",
        b"<script>",
        b"</script>",
        b"</script",
        b"<title>",
        b"<svg/>",
        b"<!DOCTYPE html>",
        b"<?",
        b"<![CDATA[",
        b"]]>",
        b"</3>",
        b"<",
        b">",
        b"</",
    ),
    *(
        b"=",
        b'"',
        b"'",
        b"/",
        b" ",
        b"\n",
        b"\r",
        b"&amp;",
        b"&lt;",
        b"&#65;",
        b"&#x41;",
        b"&#99999999999;",
        b"&nbsp;",
        b"&",
        b";",
        b"\0",
        b"\x1b",
        b"\xff",
    ),
    *(
        b"<meta charset=koi8-r>",
        b"<meta http-equiv=Content-Type content='text/html; charset=utf-16'>",
        b"\xfe\xff",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"text",
    ),
]
_ENCODING_WORDS: Final = [
    *(
        b"gzip\n",
        b"deflate\n",
        b"gzip, deflate\n",
        b"identity\n",
        b"x-gzip\n",
        b"base64\n",
        b"quoted-printable\n",
        b"7bit\n",
        b"\n",
        b",",
        b" ",
    ),
    *(
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        b"\x78\x9c",
        b"\x03\0",
        b"\x63\0\0",
        zlib.compress(b"hello"),
        b"aGVsbG8=",
        b"=41",
        b"=\r\n",
        b"=",
        b"hello" * 30,
    ),
]
_XML_WORDS: Final = [
    *(
        b"<?xml version='1.0' encoding='UTF-8'?>",
        b"<imdn xmlns='urn:ietf:params:xml:ns:imdn'>",
        b"</imdn>",
        b"<message-id>m</message-id>",
    ),
    *(
        b"<datetime>2026-01-01T00:00:00Z</datetime>",
        b"<delivery-notification><status><delivered/></status></delivery-notification>",
    ),
    *(
        b"<display-notification>",
        b"</display-notification>",
        b"<status>",
        b"</status>",
        b"<failed/>",
        b"<error/>",
        b"<recipient-uri>sip:a</recipient-uri>",
    ),
    *(
        b"<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'>",
        b"</isComposing>",
        b"<state>active</state>",
        b"<refresh>90</refresh>",
    ),
    *(
        b"<contenttype>text/plain</contenttype>",
        b"<lastactive>x</lastactive>",
        b"<a>",
        b"</a>",
        b"<a/>",
        b"<p:a xmlns:p='u'/>",
        b"xmlns='",
        b'xmlns:p="',
    ),
    *(
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
        b"&a;",
        b"&lt;",
        b"&#65;",
        b"&#0;",
        b"<",
        b">",
        b"/",
        b"=",
        b"'",
        b'"',
        b" ",
        b"\0",
    ),
]
_MULTIPART_WORDS: Final = [
    *(
        b"multipart/mixed;boundary=b\n",
        b'multipart/related; boundary="b c"; type=x\r\n',
        *(
            b"--b\r\n",
            b"--b--",
            b"\r\n--b\r\n",
            b"\r\n--b--\r\n",
            b"\n--b\n",
            b"--b \t\r\n",
            b"--b c\r\n",
            b"--bx\r\n",
            b"--",
        ),
        b"Content-Type: application/sdp\r\n\r\n",
        b"Content-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--",
        b"Content-Disposition: render;handling=optional\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Content-Length: 999\r\n",
        *(b"\r\n\r\n", b"\r\n", b"\n", b":", b"\r\n ", b"boundary=", b'"', b";", b"\0", b"\xff", b"v=0\r\n"),
    ),
]
_SPLIT_WORDS: Final = [
    *(
        b"word ",
        b" ",
        b"\n",
        b"\r\n",
        "\U0001f468\u200d\U0001f469".encode(),
        "e\u0301".encode(),
        "\U0001f1e9\U0001f1ea".encode(),
        "\uac00\u11a8".encode(),
    ),
    *(
        "\u1100\u1161".encode(),
        "\u200d".encode(),
        b"\xed\xa0\xbd",
        "\U0001f44d\U0001f3fd".encode(),
        b"a" * 90,
        b"\0\x20",
        b"\x01\x2c",
        "\ufe0f".encode(),
    ),
]

_P: Final = "protocols.payload."
CHARSET: Final = Target(
    "charset", run_charset, (f"{_P}charset", f"{_P}charset_names", f"{_P}content_type"), _CHARSET_WORDS, longest=300
)
HTML: Final = Target("html", run_html, (f"{_P}html",), _HTML_WORDS, longest=1_500)
ENCODING: Final = Target("encoding", run_encoding, (f"{_P}encoding",), _ENCODING_WORDS, longest=600)
XML: Final = Target("xml", run_xml, (f"{_P}xml_document", f"{_P}imdn", f"{_P}iscomposing"), _XML_WORDS, longest=1_500)
SPLIT: Final = Target("split", run_split, (f"{_P}split",), _SPLIT_WORDS, longest=1_500)
MULTIPART: Final = Target(
    "multipart", run_multipart, (f"{_P}multipart", f"{_P}content_type"), _MULTIPART_WORDS, longest=1_500
)
