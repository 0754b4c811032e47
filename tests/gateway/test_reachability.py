"""OPTIONS to next hops: any final answer is a sign of life."""

from __future__ import annotations

from sessions_app.gateway.reachability import Seen, ping
from tests.gateway.rig import Rig


def test_an_answer_whatever_its_code_means_that_somebody_is_there():
    rig, seen = Rig(), []
    ping(rig.gateway, ["sip:127.0.0.1:5090"], seen.append)
    request = rig.flow.take("OPTIONS")
    rig.advance(0.25)
    rig.answer(request, 486, "Busy Here")
    assert seen == [Seen("sip:127.0.0.1:5090", True, 486, 0.25, "486 Busy Here")]


def test_silence_until_timer_f_means_that_nobody_is():
    rig, seen = Rig(), []
    ping(rig.gateway, ["sip:127.0.0.1:5090"], seen.append)
    rig.advance(33, step=1)
    assert [(each.reachable, each.code) for each in seen] == [(False, None)]


def test_what_is_no_address_is_said():
    rig, seen = Rig(), []
    ping(rig.gateway, ["sips:x"], seen.append)
    assert not seen[0].reachable
    assert "sips" in seen[0].detail
