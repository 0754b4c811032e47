"""Random tokens: length, alphabet, never the same twice, in whatever thread or process."""

from __future__ import annotations

import os
import threading

import pytest

from protocols import entropy
from protocols.msrp import ids as msrp_ids
from protocols.sip import ids as sip_ids

HEX = set("0123456789abcdef")


@pytest.mark.parametrize("length", [1, 2, 7, 16, 24, 32, 5000, 9001])
def test_a_token_has_its_length_in_lower_case_hexadecimal(length):
    for made in (entropy.token(length), entropy.source(length)()):
        assert len(made) == length
        assert set(made) <= HEX


@pytest.mark.parametrize(
    ("make", "bits"),
    [
        (sip_ids.new_branch, 96),  # RFC 3261 s8.1.1.7
        (sip_ids.new_tag, 32),  # s19.3
        (sip_ids.new_call_id, 128),
        (msrp_ids.new_transaction_id, 64),  # RULEBOOK S4
        (msrp_ids.new_session_id, 80),  # RULEBOOK S3
        (msrp_ids.new_message_id, 64),
        (lambda: entropy.token(16), 64),
    ],
)
def test_identifiers_do_not_repeat_and_are_random_enough(make, bits):
    made = [make() for _ in range(5000)]
    assert len(set(made)) == 5000
    assert all(4 * len(one.removeprefix("z9hG4bK")) >= bits for one in made)


def test_every_digit_is_used_everywhere():
    made = [entropy.token(16) for _ in range(2000)]
    assert all({one[position] for one in made} == HEX for position in range(16))


def test_threads_share_the_stock_without_sharing_a_token():
    made: list[list[str]] = [[] for _ in range(4)]

    def draw(into: list[str]) -> None:
        into.extend(entropy.token(20) for _ in range(5000))

    threads = [threading.Thread(target=draw, args=(each,)) for each in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for each in made for one in each}) == 20_000


@pytest.mark.parametrize("make", [lambda: entropy.token(18), sip_ids.new_branch, msrp_ids.new_session_id])
def test_a_forked_child_draws_its_own(make):
    make()  # there is a stock now
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, make().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 64).decode()
    os.close(reader)
    os.close(writer)
    assert theirs not in {make() for _ in range(1000)}
