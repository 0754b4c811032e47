"""Identifiers: legal, random enough, never the same in a forked child."""

from __future__ import annotations

import os

import pytest

from protocols.msrp import ids


@pytest.mark.parametrize(
    ("make", "bits"), [(ids.new_session_id, 80), (ids.new_transaction_id, 64), (ids.new_message_id, 64)]
)
def test_s3_s4_ids_are_legal_idents_with_enough_random_bits(make, bits):
    made = [make() for _ in range(5000)]
    assert len(set(made)) == 5000
    assert all(ids.IDENT.fullmatch(one) for one in made)
    assert all(len(one) * 4 >= bits for one in made)  # four random bits a hex digit


def test_a_forked_child_draws_its_own():
    ids.new_transaction_id()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, ids.new_transaction_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 64).decode()
    os.close(reader)
    os.close(writer)
    assert theirs != ids.new_transaction_id()
