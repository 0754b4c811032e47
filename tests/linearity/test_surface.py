"""Nothing in ``protocols/`` reads a peer's text without being among the readers that the doubling test knows."""

from __future__ import annotations

from pkgutil import resolve_name

from tests.linearity.msrp_readers import MSRP
from tests.linearity.payload_readers import PAYLOAD
from tests.linearity.sip_readers import SIP
from tests.linearity.surface import text_takers

COVERED = {name for reader in (*SIP, *MSRP, *PAYLOAD) for name in reader.covers}

STATE_MACHINES = (
    *(f"protocols.sip.{name}." for name in ("transaction_client", "transaction_server", "transports", "user_agent")),
    *(f"protocols.sip.{name}." for name in ("invite_client", "invite_server", "reinvite", "flow", "recent")),
    *(f"protocols.msrp.{name}." for name in ("backlog", "incoming", "outgoing", "events")),
    *("protocols.sip.transaction_layer.Transaction", "protocols.timers.", "protocols.entropy.", "protocols.tls."),
    *("protocols.msrp.connection.MsrpConnection.", "protocols.msrp.session.MsrpSession."),
    *(f"protocols.{name}." for name in ("sip.far_ends", "fair_queue", "held", "quota", "rate", "turns", "descriptors")),
)
"""They get messages that were read, and keep what they are told: their readers are listed above, their bounds are held
by the tests of each and by the fuzzing of the whole engine."""

OUR_OWN_WORDS = {
    "protocols.hep.Encoder.encode": "frames for a collector, cut at 65,000 octets; no part of them is looked at",
    "protocols.pcap.checksum": "adds octets up",
    "protocols.msrp.negotiation.build_offer": "our own settings",
    "protocols.msrp.endpoint.MsrpEndpoint.create_session": "our own URI",
    "protocols.msrp.endpoint.MsrpEndpoint.create_connection": "an address that a socket gave",
    "protocols.msrp.endpoint.MsrpEndpoint.assembly_count": "a length",
    "protocols.sdp.connection_for": "our own address",
    "protocols.sip.builder.build_request": "joins what was given; covered by what is sent in answers",
}


def test_every_reader_of_text_has_been_given_hostile_shapes() -> None:
    new = {name for name in text_takers() - COVERED - set(OUR_OWN_WORDS) if not name.startswith(STATE_MACHINES)}
    assert new == set(), "add these to tests/linearity/*_readers.py"


def test_the_tables_name_nothing_that_is_gone() -> None:
    assert {name for name in COVERED | set(OUR_OWN_WORDS) if resolve_name_quietly(name) is None} == set()


def resolve_name_quietly(name: str) -> object | None:
    try:
        return resolve_name(name)
    except (ImportError, AttributeError):
        return None
