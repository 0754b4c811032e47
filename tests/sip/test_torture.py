"""The 49 messages of RFC 4475, each with what the RFC wants and, where it leaves a choice, the choice made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from protocols.sip.builder import build_response
from protocols.sip.errors import SipError
from protocols.sip.message import Request, Response
from protocols.sip.parse_error import SipParseError
from protocols.sip.parser import head_length, parse_message
from protocols.sip.uri import SipUri, aor_of
from protocols.sip.validate import check_hops, check_request, check_response

CORPUS = Path(os.environ.get("PARLEY_CORPUS", Path(__file__).resolve().parents[2] / "../shared/corpus")) / "rfc4475"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of RFC 4475 messages is not here (PARLEY_CORPUS)"),
]


class Accepted(NamedTuple):
    """Parsed and passed by the checks; ``meaning`` are expressions of ``m`` that must hold."""

    section: str
    meaning: tuple[Callable[..., object], ...] = ()


class Refused(NamedTuple):
    """Answered with ``code``, ``by`` the parser or the checks. ``reason`` is part of the phrase."""

    section: str
    code: int
    reason: str
    by: str = "parser"


class Dropped(NamedTuple):
    """A response that is discarded, ``by`` the parser or the checks."""

    section: str
    by: str = "parser"


INTMETH = "!interesting-Method0123456789_*+`.%indeed'~"
INTUSER = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"

TABLE: dict[str, Accepted | Refused | Dropped] = {
    "wsinv": Accepted(
        "3.1.1.1",
        (
            lambda m: m.to.uri == "sip:vivekg@chair-dnrc.example.com" and m.to.tag == "1918181833n",
            lambda m: m.from_.display == 'J Rosenberg \\"' and m.from_.uri == "sip:jdrosen@example.com",
            lambda m: m.from_.tag == "98asjd8",
            lambda m: m.max_forwards == 68 and m.cseq == (9, "INVITE"),
            lambda m: m.call_id == "wsinv.ndaksdj@192.0.2.1",
            lambda m: [via.host for via in m.vias] == ["192.0.2.2", "spindle.example.com", "192.168.255.111"],
            lambda m: [via.transport for via in m.vias] == ["UDP", "TCP", "UDP"],
            lambda m: [via.branch for via in m.vias] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"],
            lambda m: m.first("subject") == "",
            lambda m: m.first("newfangledheader") == "newfangled value continued newfangled value",
            lambda m: m.first("unknownheaderwithunusualvalue") == ";;,,;;,;",
            lambda m: m.routes[0].uri == "sip:services.example.com;lr;unknownwith=value;unknown-no-value",
            lambda m: m.contacts[0].display == 'Quoted string ""',
            lambda m: m.contacts[0].params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"},
            lambda m: SipUri.parse(m.uri).params == {"unknownparam": None},
            lambda m: len(m.body) == 150,
        ),
    ),
    "intmeth": Accepted(
        "3.1.1.2",
        (
            lambda m: m.method == m.cseq.method == INTMETH,
            lambda m: SipUri.parse(m.uri).user == INTUSER,
            lambda m: SipUri.parse(m.uri).password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
            lambda m: SipUri.parse(m.uri).host == "example.com",
            lambda m: m.via.branch == "z9hG4bK-.!%66*_+`'~",
            lambda m: m.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f",
            lambda m: m.from_.display == "token1~` token2'+_ token3*%!.-" and m.from_.tag == "_token~1'+`*%!-.",
            lambda m: m.from_.params["fromparam''~+*_!.-%"] == "работающий",
            lambda m: m.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
            lambda m: m.first("extensionheader-!.%*+_`'~") == "\ufeff大停電",
            lambda m: m.max_forwards == 255,
        ),
    ),
    "esc01": Accepted(
        "3.1.1.3",
        (
            lambda m: SipUri.parse(m.uri).user == "sips:user@example.com" and SipUri.parse(m.uri).host == "example.net",
            lambda m: SipUri.parse(m.to.uri).user == "user" and aor_of(m.to.uri) == "sip:user@example.com",
            lambda m: SipUri.parse(m.from_.uri).user == "I have spaces",
            lambda m: SipUri.parse(m.contacts[0].uri).user == "caller",
            lambda m: SipUri.parse(m.contacts[0].uri).params == {"lr": None, "name": "value%41"},
        ),
    ),
    "escnull": Accepted(
        "3.1.1.4",
        (
            lambda m: SipUri.parse(m.to.uri).user == "null-\0-null",
            lambda m: aor_of(m.to.uri) == "sip:null-%00-null@example.com",
            lambda m: len({aor_of(each.uri) for each in m.contacts}) == 2,
        ),
    ),
    "esc02": Accepted(
        "3.1.1.5",
        (
            lambda m: m.method == "RE%47IST%45R",
            lambda m: m.to.display == m.from_.display == "%Z%45",
            lambda m: (
                [each.uri for each in m.contacts] == ["sip:alias1@host1.example.com", "sip:alias3@host3.example.com"]
            ),
            lambda m: m.first("c%6fntact") == "<sip:alias2@host2.example.com>",
            lambda m: m.via.branch == "z9hG4bK209%fzsnel234",
        ),
    ),
    "lwsdisp": Accepted(
        "3.1.1.6", (lambda m: m.from_.display == "caller" and m.from_.uri == "sip:caller@example.com",)
    ),
    "longreq": Accepted(
        "3.1.1.7",
        (
            lambda m: m.to.display == f"I have a user name of {'extreme' * 10} proportion",
            lambda m: SipUri.parse(m.to.uri).params["longparam" + "name" * 25] == "shortvalue",
            lambda m: m.from_.tag == f"12{'982' * 50}424",
            lambda m: m.call_id == f"longreq.one{'really' * 20}longcallid",
            lambda m: [each.host for each in m.vias[:2]] == ["sip33.example.com", "sip32.example.com"],
            lambda m: len(m.vias) == 34 and m.vias[33].received == "192.0.2.5",
            lambda m: m.vias[33].branch == f"very{'long' * 50}branchvalue",
            lambda m: len(m.body) == 150,
        ),
    ),
    "dblreq": Accepted("3.1.1.8", (lambda m: m.method == "REGISTER" and m.body == b"",)),
    "semiuri": Accepted(
        "3.1.1.9",
        (
            lambda m: SipUri.parse(m.uri).user == "user;par=u@example.net",
            lambda m: SipUri.parse(m.uri).host == "example.com" and not SipUri.parse(m.uri).params,
            lambda m: len(m.values("accept")) == 6,
        ),
    ),
    "transports": Accepted(
        "3.1.1.10", (lambda m: [via.transport for via in m.vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"],)
    ),
    "mpart01": Accepted(
        "3.1.1.11",
        (
            lambda m: m.content_type.essence == "multipart/mixed",
            lambda m: m.content_type.params["boundary"] == "7a9cbec02ceef655",
            lambda m: len(m.body) == 553 and m.body.endswith(b"--7a9cbec02ceef655--\r\n") and b"\0" in m.body,
        ),
    ),
    "unreason": Accepted(
        "3.1.1.12",
        (lambda m: m.status == 200, lambda m: m.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"),
    ),
    "noreason": Accepted("3.1.1.13", (lambda m: (m.status, m.reason) == (100, ""),)),
    "badinv01": Refused("3.1.2.1", 400, "parameter"),
    "clerr": Refused("3.1.2.2", 400, "larger than the message"),
    "ncl": Refused("3.1.2.3", 400, "Content-Length"),
    "scalar02": Refused("3.1.2.4", 400, "CSeq"),
    "scalarlg": Dropped("3.1.2.5"),
    # May be inferred; a guess could be wrong, so it is not made.
    "quotbal": Refused("3.1.2.6", 400, "To header field", by="checks"),
    "ltgtruri": Refused("3.1.2.7", 400, "start line"),
    "lwsruri": Refused("3.1.2.8", 400, "start line"),
    # Extra spaces around the parts of a request line make nothing ambiguous: accepted.
    "lwsstart": Accepted("3.1.2.9", (lambda m: (m.method, m.uri) == ("INVITE", "sip:user@example.com"),)),
    "trws": Accepted("3.1.2.10", (lambda m: m.uri == "sip:remote-target@example.com",)),
    # May be ignored; but this URI becomes that of another request, so it is refused.
    "escruri": Refused("3.1.2.11", 400, "header components", by="checks"),
    # "An element shouldn't do that": the date counts as absent.
    "baddate": Accepted("3.1.2.12", (lambda m: m.date is None,)),
    "regbadct": Refused("3.1.2.13", 400, "Contact", by="checks"),
    # The spaces are ignored, there is no other reading.
    "badaspec": Accepted("3.1.2.14", (lambda m: m.to.uri == "sip:t.watson@example.org",)),
    # From and To are copied into what the gateway makes of a request, and the error must not spread.
    "baddn": Refused("3.1.2.15", 400, "From", by="checks"),
    "badvers": Refused("3.1.2.16", 505, "Version"),
    "mismatch01": Refused("3.1.2.17", 400, "CSeq", by="checks"),
    "mismatch02": Refused("3.1.2.18", 501, "Not Implemented", by="checks"),
    "bigcode": Dropped("3.1.2.19"),
    # Falls back to the matching of RFC 2543, which needs no branch.
    "badbranch": Accepted("3.2.1", (lambda m: m.via.branch == "z9hG4bK" and not m.via.is_rfc3261,)),
    "insuf": Refused("3.3.1", 400, "Missing Call-ID"),
    "unkscm": Refused("3.3.2", 416, "Scheme", by="checks"),
    "novelsc": Refused("3.3.3", 416, "Scheme", by="checks"),
    # A registrar would refuse the To; this is none, and any scheme is legal there.
    "unksm2": Accepted(
        "3.3.4",
        (
            lambda m: (m.to.uri, m.from_.uri) == ("isbn:2983792873", "http://www.example.com"),
            lambda m: m.contacts[0].uri == "name:John_Smith",
        ),
    ),
    "bext01": Refused("3.3.5", 420, "Bad Extension", by="checks"),
    # 415 is the application's, which knows what it accepts.
    "invut": Accepted("3.3.6", (lambda m: m.content_type.essence == "application/unknownformat",)),
    "regaut01": Accepted(
        "3.3.7",
        (lambda m: m.first("authorization") == "NoOneKnowsThisScheme opaque-data=here", lambda m: m.body == b""),
    ),
    "multi01": Refused("3.3.8", 400, "Multiple"),
    "mcl01": Refused("3.3.9", 400, "Multiple Content-Length"),
    "bcast": Dropped("3.3.10", by="checks"),
    # An endpoint goes on; who would forward asks check_hops.
    "zeromf": Accepted("3.3.11", (lambda m: m.max_forwards == 0,)),
    "cparam01": Accepted(
        "3.3.12",
        (
            lambda m: m.contacts[0].uri == "sip:+19725552222@gw1.example.net",
            lambda m: m.contacts[0].params == {"unknownparam": None},
        ),
    ),
    "cparam02": Accepted(
        "3.3.13",
        (
            lambda m: SipUri.parse(m.contacts[0].uri).params == {"unknownparam": None},
            lambda m: m.contacts[0].params == {},
        ),
    ),
    "regescrt": Accepted(
        "3.3.14", (lambda m: SipUri.parse(m.contacts[0].uri).headers == "Route=%3Csip:sip.example.com%3E",)
    ),
    # 406 is the application's, which knows what it would answer with.
    "sdp01": Accepted("3.3.15", (lambda m: m.values("accept") == ["text/nobodyKnowsThis"],)),
    "inv2543": Accepted(
        "3.4.1",
        (
            lambda m: m.via.branch is None and not m.via.is_rfc3261,
            lambda m: m.from_.tag is None and m.max_forwards is None,
            lambda m: m.to.params == {"user": "phone"} and m.to.uri == "sip:+16505552222@ss1.example.net",
            lambda m: m.body.startswith(b"v=0\r\n") and m.body.endswith(b"RTP/AVP 0\r\n"),
        ),
    ),
}


def message(name: str) -> bytes:
    return (CORPUS / f"{name}.dat").read_bytes()


def having(kind: type[object]) -> list[str]:
    return [name for name, case in TABLE.items() if isinstance(case, kind)]


def test_every_message_of_the_rfc_is_in_the_table() -> None:
    assert {path.stem for path in CORPUS.glob("*.dat")} == set(TABLE)
    assert len(TABLE) == 49


@pytest.mark.parametrize("name", having(Accepted))
def test_accepted_with_its_meaning(name: str) -> None:
    case = TABLE[name]
    assert isinstance(case, Accepted)
    read = parse_message(message(name))
    if isinstance(read, Request):
        check_request(read)
    else:
        check_response(read)
    for number, holds in enumerate(case.meaning):
        assert holds(read), f"expectation {number} of {name} (RFC 4475 s{case.section})"


@pytest.mark.parametrize("name", having(Refused))
def test_refused_with_the_code_of_the_rfc_and_answerable(name: str) -> None:
    case = TABLE[name]
    assert isinstance(case, Refused)
    if case.by == "parser":
        with pytest.raises(SipParseError) as raised:
            parse_message(message(name))
        request = raised.value.partial
        assert request is not None
    else:
        read = parse_message(message(name))
        assert isinstance(read, Request)
        request = read
        with pytest.raises(SipError) as refused:
            check_request(request)
        raised = refused  # type: ignore[assignment]
    error = raised.value
    assert (error.code, case.reason in error.reason) == (case.code, True), error.reason

    # The answer is itself a message that a strict peer can read, unless the request lacks what it repeats.
    request.stamp("192.0.2.99", 5099)
    answer = build_response(request, error.code, error.reason, to_tag="abc", headers=error.headers)
    if name in ("insuf", "scalar02"):
        return
    again = parse_message(answer)
    assert isinstance(again, Response)
    assert again.status == case.code
    assert again.via.received == "192.0.2.99"
    assert again.headers["call-id"] == request.headers["call-id"]


@pytest.mark.parametrize("name", having(Dropped))
def test_response_is_dropped(name: str) -> None:
    case = TABLE[name]
    assert isinstance(case, Dropped)
    if case.by == "parser":
        with pytest.raises(SipParseError) as raised:
            parse_message(message(name))
        assert raised.value.partial is None
    else:
        read = parse_message(message(name))
        assert isinstance(read, Response)
        with pytest.raises(SipError):
            check_response(read)


def test_unsupported_extensions_are_named_in_the_answer() -> None:
    request = parse_message(message("bext01"))
    assert isinstance(request, Request)
    with pytest.raises(SipError) as raised:
        check_request(request, supported={"timer"})
    assert list(raised.value.headers) == [("Unsupported", "nothingSupportsThis, nothingSupportsThisEither")]
    check_request(request, supported={"nothingsupportsthis", "nothingsupportsthiseither"})


def test_zero_hops_left_is_483_for_who_would_forward() -> None:
    request = parse_message(message("zeromf"))
    assert isinstance(request, Request)
    with pytest.raises(SipError) as raised:
        check_hops(request)
    assert raised.value.code == 483


@pytest.mark.parametrize("name", ["ncl", "mcl01", "inv2543"])
def test_a_stream_that_cannot_be_framed_is_given_up(name: str) -> None:
    with pytest.raises(SipParseError):
        head_length(message(name))


def test_a_stream_waits_for_the_rest_of_a_message() -> None:
    assert head_length(message("clerr"))[1] == 9999  # type: ignore[index]


@pytest.mark.parametrize("name", ["wsinv", "mpart01", "longreq", "dblreq", "esc01", "regaut01", "escnull"])
def test_stream_framing_agrees_with_the_parser(name: str) -> None:
    data = message(name)
    framed = head_length(data)
    assert framed is not None
    head, body = framed
    read = parse_message(data[: head + body])
    assert len(read.body) == body
    assert read.headers == parse_message(data).headers
