"""What /metrics says is what Prometheus reads, and no peer can make it grow without bound."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sessions_app import metering
from sessions_app.metering import BOUNDS, MOST_PEERS, MOST_SERIES, REGISTRY, Meters, code_label

WANTED = {
    "parley_messages": ("counter", {"direction", "outcome", "code", "peer"}),
    "parley_delivery_seconds": ("histogram", {"direction", "outcome"}),
    "parley_sessions": ("gauge", {"state"}),
    "parley_queue_depth": ("gauge", {"queue"}),
    "parley_loop_lag_seconds": ("histogram", set()),
    "parley_batch_rows": ("histogram", set()),
    "parley_gateway": ("counter", {"what"}),
    "parley_trace_lost": ("counter", {"what"}),
}


@pytest.fixture
def meters():
    metering.MESSAGES.clear()
    yield Meters("n")
    metering.MESSAGES.clear()


def outcome(meters, *, peer="192.0.2.1", code=200, state="delivered", direction="to_msrp", took=0.02):
    message = SimpleNamespace(received_at=100.0, direction=direction, session=SimpleNamespace(source=peer))
    meters.outcome(message, state, 100.0 + took, code, code)


def look(meters):
    gateway = SimpleNamespace(
        counted=lambda: {"setup_failures": 1},
        sessions={},
        page_side=SimpleNamespace(waiting=2),
        layer=SimpleNamespace(pending=3),
    )
    meters.look(gateway, SimpleNamespace(waiting=4), 0.001)


def families():
    return {family.name: family for family in text_string_to_metric_families(generate_latest(REGISTRY).decode())}


def test_every_measure_is_there_with_its_kind_labels_and_words(meters):
    outcome(meters)
    look(meters)
    found = families()
    assert set(WANTED) <= set(found)
    assert not [name for name in found if name.endswith("_created")], "as many series again, and nobody asks for them"
    for name, (kind, labels) in WANTED.items():
        family = found[name]
        assert (family.type, bool(family.documentation)) == (kind, True), name
        told = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert told == labels, name


def test_histograms_add_up_and_their_buckets_span_what_happens(meters):
    for took in (0.001, 0.3, 100.0):
        outcome(meters, took=took)
    look(meters)
    for name, (kind, _) in WANTED.items():
        if kind != "histogram":
            continue
        series: dict[tuple, list] = {}
        counts = {}
        for sample in families()[name].samples:
            labels = tuple(sorted((key, value) for key, value in sample.labels.items() if key != "le"))
            if sample.name.endswith("_bucket"):
                series.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
            elif sample.name.endswith("_count"):
                counts[labels] = sample.value
        for labels, buckets in series.items():
            bounds, values = zip(*buckets, strict=True)
            assert list(bounds) == sorted(bounds)
            assert bounds[-1] == math.inf
            assert list(values) == sorted(values), "each bucket holds those below it"
            assert values[-1] == counts[labels]
    assert BOUNDS[0] <= 0.005, "a healthy message takes milliseconds"
    assert BOUNDS[-1] >= 30, "a set-up may ring"


def test_a_peer_cannot_make_labels_by_its_answers(meters):
    for code in range(100, 1000):
        outcome(meters, code=code, state="failed")
    look(meters)
    codes = {sample.labels["code"] for sample in families()["parley_messages"].samples}
    assert len(codes) < 80
    assert {"486", "4xx", "9xx"} <= codes
    assert (code_label(486), code_label(477), code_label(None)) == ("486", "4xx", "none")


def test_nor_can_many_peers(meters):
    for number in range(3 * MOST_PEERS):
        outcome(meters, peer=f"10.0.{number // 250}.{number % 250}")
    look(meters)
    samples = [each for each in families()["parley_messages"].samples if each.name.endswith("_total")]
    assert len({each.labels["peer"] for each in samples}) == MOST_PEERS + 1
    assert sum(each.value for each in samples) == 3 * MOST_PEERS, "each is counted"


def test_nor_can_both(meters):
    for number in range(MOST_PEERS):
        for code in (*range(400, 440), *range(480, 495)):
            outcome(meters, peer=f"10.0.0.{number}", code=code, state="failed")
    look(meters)
    samples = [each for each in families()["parley_messages"].samples if each.name.endswith("_total")]
    assert len(samples) <= MOST_SERIES + 100
    assert sum(each.value for each in samples) == MOST_PEERS * 55


def test_queues_are_told_apart(meters):
    look(meters)
    depths = {each.labels["queue"]: each.value for each in families()["parley_queue_depth"].samples}
    assert depths == {"message_side": 2, "database": 4, "sip_transactions": 3}
