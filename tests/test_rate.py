"""Token buckets: what flows in, what is there at once, and that many names cost no more than their number."""

from __future__ import annotations

from protocols.rate import MOST_NAMES, TokenBucket, TokenBuckets


def taken(bucket: TokenBucket, now: float, tries: int = 1000) -> int:
    return sum(bucket.take(now) for _ in range(tries))


def test_a_bucket_is_full_at_first_and_fills_again_at_its_rate_and_no_further_than_it_is_large():
    bucket = TokenBucket(rate=10, burst=20, now=100.0)
    assert taken(bucket, 100.0) == 20
    assert taken(bucket, 100.5) == 5
    assert taken(bucket, 1000.0) == 20


def test_a_clock_that_stands_or_goes_back_gives_nothing():
    bucket = TokenBucket(rate=10, burst=1, now=100.0)
    assert taken(bucket, 100.0) == 1
    assert taken(bucket, 90.0) == 0
    assert taken(bucket, 100.05) == 0


def test_each_name_has_its_own_and_all_share_one():
    buckets = TokenBuckets(rate=1, burst=5, all_rate=1, all_burst=12, now=0.0)
    first = sum(buckets.take("a", 0.0) for _ in range(100))
    second = sum(buckets.take("b", 0.0) for _ in range(100))
    third = sum(buckets.take("c", 0.0) for _ in range(100))
    assert (first, second, third) == (5, 5, 2)


def test_names_without_number_are_remembered_up_to_a_bound_and_share_what_there_is():
    buckets = TokenBuckets(rate=1, burst=5, all_rate=1, all_burst=100, now=0.0)
    assert sum(buckets.take(f"forged {number}", 0.0) for number in range(2 * MOST_NAMES)) == 100
    assert len(buckets._each) == MOST_NAMES
