"""The Grafana dashboard asks for measures that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client import generate_latest

from sessions_app.metering import REGISTRY

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
