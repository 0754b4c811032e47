"""The Grafana dashboard asks for measures that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client import generate_latest

from sessions_app.metering import BATCHES, COUNTED, LAG, MESSAGES, QUEUE, REGISTRY, SESSIONS, TRACE_LOST

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana-dashboard.json"


def test_every_measure_that_it_asks_for_is_there():
    dashboard = json.loads(DASHBOARD.read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"parley_[a-z_]+", target["expr"])
    }
    declared = set(re.findall(r"^# TYPE (\S+)", generate_latest(REGISTRY).decode(), re.MULTILINE))
    known = declared | {f"{name}_bucket" for name in declared} | {f"{name}_total" for name in declared}
    assert asked
    assert asked <= known


def test_every_label_that_it_asks_for_is_there():
    families = (MESSAGES, COUNTED, SESSIONS, QUEUE, LAG, BATCHES, TRACE_LOST)
    known = {label for family in families for label in family._labelnames} | {"instance", "le"}
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            asked = set(re.findall(r"(\w+)=~?\"", target["expr"]))
            for grouped in re.findall(r"by \(([\w, ]+)\)", target["expr"]):
                asked |= {name.strip() for name in grouped.split(",")}
            assert asked <= known, target["expr"]


def test_what_the_trace_loses_has_a_panel():
    assert "parley_trace_lost_total" in DASHBOARD.read_text()
