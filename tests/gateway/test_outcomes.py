"""RULEBOOK A6: what an end on one side is called on the other, row by row."""

from __future__ import annotations

import pytest

from sessions_app.gateway import outcomes


@pytest.mark.parametrize(
    ("refused", "answered"),
    [
        *((code, code) for code in (404, 410, 484, 485, 604)),  # user-level, legal for MESSAGE
        *((code, 480) for code in (480, 486, 600)),
        (603, 603),
        *((code, 480) for code in (488, 606)),
        (415, 415),
        *((code, 413) for code in (413, 513)),
        (403, 403),
        *((code, 500) for code in (401, 407)),  # credentials are the gateway's
        *((code, 480) for code in (408, 487)),
        *((code, code) for code in (482, 483)),
        *((code, 500) for code in (500, 503, 504, 580)),
        *((code, 480) for code in (300, 302, 380)),
    ],
)
def test_a_refused_invite_answers_its_messages(refused: int, answered: int) -> None:
    assert outcomes.setup_refused(refused).code == answered


@pytest.mark.parametrize(
    ("layer", "answered"),
    [
        ("timer", 480),
        ("sdp", 480),
        ("type", 415),
        ("uri", 404),
        ("policy", 480),
        ("dns", 500),
        ("tcp", 500),
        ("msrp", 500),
        ("sip", 500),
    ],
)
def test_a_set_up_that_failed_without_a_reply_answers_its_messages(layer: str, answered: int) -> None:
    assert outcomes.setup_cause(layer).code == answered


@pytest.mark.parametrize(
    ("msrp", "answered"),
    [(400, 500), (403, 403), (408, 480), (413, 413), (415, 415), (481, 480), (501, 500), (506, 500), (None, 480)],
)
def test_a_refused_send_answers_its_message(msrp: int | None, answered: int) -> None:
    assert outcomes.send_refused(msrp).code == answered


@pytest.mark.parametrize(
    ("sip", "status"),
    [
        (415, 415),
        *((code, 413) for code in (413, 513)),
        *((code, 403) for code in (401, 403, 407, 603, 606)),
        *((code, 403) for code in (404, 410, 480, 486, 600, 604)),
        *((code, 408) for code in (408, 503, 504)),
        *((code, 400) for code in (400, 402, 420, 488, 500)),
        (None, 408),  # Timer F
    ],
)
def test_a_refused_message_is_reported_to_its_sender(sip: int | None, status: int) -> None:
    assert outcomes.message_refused(sip) == status


def test_a_message_is_never_answered_408_nor_503() -> None:
    """RFC 4320 s4.2 (RULEBOOK M14) and RFC 3261 s16.7 step 6 (RULEBOOK U11); 503 is for our own bounds alone."""
    assert outcomes.SETUP_CAUSE["overload"].code == 503
    answers = {
        *(outcomes.setup_refused(code).code for code in range(300, 700)),
        *(outcomes.send_refused(code).code for code in range(300, 600)),
        *(answer.code for layer, answer in outcomes.SETUP_CAUSE.items() if layer != "overload"),
    }
    assert answers & {408, 503} == set()
    assert all(300 <= code <= 699 for code in answers)


def test_every_failure_report_has_a_status_that_msrp_knows() -> None:
    """RFC 4975 s10 (RULEBOOK S31)."""
    assert {outcomes.message_refused(code) for code in range(300, 700)} <= {400, 403, 408, 413, 415}
