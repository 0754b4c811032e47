"""Strangers and the requests that no route is asked for."""

import contextlib

from tests.wire.sip_peer import SipPeer
from tests.wire.test_strangers import untrusted


def test_a_stranger_learns_nothing_by_options_either(gateway, alice, bob):
    with untrusted(gateway):
        for method in ("OPTIONS", "BYE", "SUBSCRIBE", "DANCE"):
            assert alice.final_answer_to(alice.request(method, bob.uri)).status == 403


def test_silence_for_strangers_is_silence_for_options_too(second_gateway):
    alice = SipPeer("alice", second_gateway)
    with contextlib.closing(alice):
        with untrusted(second_gateway):
            asked = [alice.request(method, alice.uri) for method in ("OPTIONS", "BYE", "SUBSCRIBE", "DANCE")]
        assert not any(alice.has_answer(each) for each in asked)
