"""Failures in words: by the layer that says so, or by the code that the other side answered."""

import pytest

from sessions_app.causes import Cause, of_message, tell
from tests.rows import make_message, make_session


@pytest.mark.parametrize(
    ("layer", "detail", "words", "setting"),
    [
        ("loop", "sip:127.0.0.1:5060 is this gateway itself", "come back to this gateway", "next hop"),
        ("destination", "tcp:169.254.1.1:486 is a link-local address", "does not send there", "GATEWAY_DESTINATIONS"),
        ("overload", "192.0.2.1 leaves too many requests unanswered", "Nothing more is sent", "GATEWAY_MAX_UNANSWERED"),
    ],
)
def test_what_the_gateway_itself_does_not_do_says_why_and_where_to_change_it(layer, detail, words, setting):
    told = tell(Cause("msrp", layer, None, detail))
    assert words in told.what
    assert detail in told.what
    assert any(setting in each for each in told.tries)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("detail", "layer", "code"),
    [
        ("message side, sip: 404 Not Found", "sip", 404),
        ("set-up failed: msrp side, sip: 486 Busy Here", "sip", 486),
        ("msrp side, msrp: 481", "msrp", 481),
        ("message side, destination: udp:192.0.2.1:486 is not among the permitted destinations", "destination", None),
        ("set-up failed: msrp side, tcp: 192.0.2.1:404: connection refused", "tcp", None),
        ("message side, timer: no answer in 300 s", "timer", None),
    ],
)
def test_a_code_is_one_that_was_answered_never_a_port_or_a_time(detail, layer, code):
    cause = of_message(make_message(make_session(), state="failed", sip_code=None, msrp_code=None, detail=detail))
    assert (cause.layer, cause.code) == (layer, code)
