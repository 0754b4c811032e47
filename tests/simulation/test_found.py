"""What the simulation found, each as the smallest schedule that shows it, with the right outcome."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.run import Run
from tests.simulation.schedule import (
    Behave,
    Break,
    CallUp,
    Crash,
    Flood,
    Hang,
    Network,
    Offer,
    Operator,
    Records,
    Say,
    Schedule,
    Send,
    Step,
    Stop,
    Strange,
    Trick,
    Wait,
)


def ran(*steps: Step, **options: object) -> Run:
    """A run of these steps."""
    return Run(Schedule(steps, options=options))()


def rules(run: Run) -> set[str]:
    """Those that it broke."""
    return {violation.rule for violation in run.found.values()}


def answers(run: Run) -> list[list[int]]:
    """The final answers of each word, in the order in which they were said."""
    return [[code for _, code in word.answers] for word in run.ledger.words.values()]


def notices(run: Run, name: str) -> int:
    """Notices to a page end."""
    return len(run.ledger.notices.get(run.pages[name].address, ()))


def delivered(run: Run) -> list[bool]:
    """Whether each word was taken by its receiver."""
    return [word.taken is not None for word in run.ledger.words.values()]


CALL = (CallUp("bob", "alice"), Wait(0.1))


# -------------------------------------------------------- bound before the answer (RFC 4975 s5.4, RFC 4145 s4)

ACTIVE = ("setup", "active")


def test_a_bind_that_overtakes_the_answer_waits_for_it() -> None:
    """TCP overtakes UDP: an honest end, which connects as it answers."""
    run = ran(Behave("bob", (ACTIVE,)), Network("bob", (("udp", 0.3),)), Say("alice", "bob"), Wait(5))
    assert answers(run) in ([[200]], [[202]])
    assert delivered(run) == [True]
    assert run.found == {}


def test_an_end_that_binds_first_and_answers_later_is_sent_what_waits_once_it_has_answered() -> None:
    run = ran(Behave("trudy", (ACTIVE, ("early", "same"), ("after", 2.0))), Say("alice", "trudy", times=3), Wait(5))
    assert delivered(run) == [True, True, True]
    assert run.found == {}


def test_a_bind_from_another_path_than_the_answer_names_is_undone_and_waited_for_anew() -> None:
    """Here nobody binds again, so that the set-up fails: after the wait for it, and not before the answer."""
    run = ran(Behave("trudy", (ACTIVE, ("early", "other"), ("after", 2.0))), Say("alice", "trudy"), Wait(5))
    assert answers(run) == [[202]]
    assert notices(run, "alice") == 1
    assert rules(run) == set()


def test_a_bind_that_overtakes_the_answer_to_a_new_offer_waits_for_it() -> None:
    """The connection breaks while a SEND is on it, so the gateway offers anew (RULEBOOK S17)."""
    run = ran(
        Behave("trudy", (ACTIVE, ("send", "never"))),
        Say("alice", "trudy"),
        Wait(1),
        Behave("trudy", (("early", "same"), ("after", 1.0), ("send", "200"))),
        Break("trudy"),
        Wait(5),
    )
    assert answers(run) == [[200]]
    assert run.found == {}


def test_a_session_that_was_bound_and_not_answered_leaves_no_dialog_to_be_taken_up() -> None:
    """Its row says live and has an empty dialog, at which the next start stumbles (recovery, Dialog.of_record)."""
    run = ran(
        Behave("trudy", (ACTIVE, ("early", "same"), ("after", 5.0))),
        Say("alice", "trudy"),
        Wait(0.4),
        Crash(),
        Wait(40),
    )
    assert "no exception" not in rules(run)


def test_a_session_that_was_bound_before_its_answer_ends_with_a_bye_after_a_crash() -> None:
    """Its dialog is in no row: it went live before there was one, and is not written again once there is."""
    run = ran(
        Behave("trudy", (ACTIVE, ("early", "same"), ("after", 0.5))), Say("alice", "trudy"), Wait(5), Crash(), Wait(5)
    )
    assert "no ghosts" not in rules(run)


def test_an_end_that_says_passive_and_binds_itself_is_sent_what_waits_on_its_own_connection() -> None:
    """Which of the two is there first is chance; that both are is no failure (RFC 4975 s5.4)."""
    run = ran(Behave("trudy", (("early", "same"),)), Say("alice", "trudy"), Wait(5))
    assert answers(run) == [[200]]
    assert run.found == {}


# ---------------------------------------- dialogs that nobody knows after a crash (RFC 3261 s15, RULEBOOK S17)


def test_a_call_that_was_answered_and_not_bound_yet_ends_with_a_bye_after_a_crash() -> None:
    run = ran(Behave("trudy", (ACTIVE, ("bind", False))), Say("alice", "trudy"), Wait(5), Crash(), Wait(1))
    assert "no ghosts" not in rules(run)


def test_a_call_that_we_answered_and_nobody_bound_yet_ends_with_a_bye_after_a_crash() -> None:
    run = ran(Behave("trudy", (("bind", False),)), CallUp("trudy", "alice", "active"), Wait(5), Crash(), Wait(1))
    assert "no ghosts" not in rules(run)


# ---------------------------- what is told before it is written, and a crash (docs/delivery.md, RFC 3428 s7)


def test_what_was_told_as_not_delivered_is_not_delivered_after_a_crash() -> None:
    run = ran(
        Behave("bob", (("invite", "486"), ("after", 11.0))),
        Records("slow"),
        Say("alice", "bob"),
        Wait(11.5),
        Behave("bob", (("invite", "answer"), ("after", 0.0))),
        Crash(),
        Wait(5),
        answer_wait=1.0,
    )
    assert notices(run, "alice") + delivered(run).count(True) == 1
    assert run.found == {}


def test_what_was_refused_is_not_delivered_after_a_crash() -> None:
    """The row commits, its outcome does not; then the message goes out, and its sender has had the refusal."""
    run = ran(
        Say("mallory", "trudy"),
        Wait(1),
        Behave("trudy", (("send", "never"),)),
        Records("slow"),
        Say("mallory", "trudy"),
        Wait(10.6),
        Operator(),
        Wait(1.7),
        Behave("trudy", (("send", "200"),)),
        Crash(),
        Wait(20),
    )
    assert "failed stays failed" not in rules(run)


def test_what_was_reported_as_failed_is_not_delivered_after_a_crash() -> None:
    """20 ms after the REPORT: the row is pending still, so the message goes out once more, and is taken."""
    run = ran(
        *CALL,
        Behave("alice", (("answer", 480), ("after", 0.2))),
        Send("bob", "alice"),
        Wait(0.25),
        Behave("alice", (("answer", 200),)),
        Crash(),
        Wait(5),
    )
    assert delivered(run) == [False]
    assert run.found == {}


# ------------------------------------------- order across a planned stop (docs/delivery.md, RULEBOOK M7)


def test_a_planned_stop_keeps_the_order_to_the_message_side() -> None:
    """Timer F of the first ends while the gateway waits for what is under way."""
    run = ran(
        *CALL,
        Behave("alice", (("answer", 0),)),
        Send("bob", "alice", times=3),
        Wait(25),
        Behave("alice", (("answer", 200),)),
        Stop(),
        Wait(5),
    )
    assert delivered(run) == [True, True, True]
    assert run.found == {}


# ---------------------------------- a relay's REPORT that comes before its response (RFC 4975 s7.1.2, s5.3)

RELAYED = (Behave("trudy", (("relay", True), ("reports", ("200",)))), Say("alice", "trudy"), Wait(1))
REPORTS_ONLY = ("send", "never")


def test_a_message_that_was_reported_as_delivered_is_not_told_as_failed() -> None:
    """The response to its SEND never comes, and 30 s later its sender was told that it failed."""
    run = ran(*RELAYED, Behave("trudy", (REPORTS_ONLY, ("after", 11.0))), Say("alice", "trudy"), Wait(50))
    assert answers(run) == [[200], [200]]
    assert notices(run, "alice") == 0
    assert run.found == {}


def test_a_message_that_was_reported_as_delivered_does_not_go_out_again() -> None:
    run = ran(*RELAYED, Behave("trudy", (REPORTS_ONLY,)), Say("alice", "trudy"), Wait(0.1), Break("trudy"), Wait(1))
    assert answers(run) == [[200], [200]]
    assert run.found == {}


# ----------------------------------------------------------------- without bodies in the database (RFC 4320)


def test_a_message_that_is_sent_again_on_another_connection_is_answered_before_timer_f() -> None:
    run = ran(
        Behave("trudy", (("send", "never"),)),
        Say("alice", "trudy"),
        Wait(4),
        Break("trudy"),
        Wait(33),
        store_bodies="never",
    )
    assert run.found == {}


def test_nor_does_one_that_was_on_its_way_for_long_begin_anew_on_a_path_that_moved() -> None:
    run = ran(
        CallUp("trudy", "mallory"),
        Behave("trudy", (("send", "never"),)),
        Say("mallory", "trudy"),
        Wait(11),
        Offer("trudy", True),
        Wait(33),
        store_bodies="never",
    )
    assert run.found == {}


# ------------------------------------------------ notices (RFC 3428 s8, RFC 5438 s7.2.1, RULEBOOK U2, A6)


def test_a_notice_of_a_set_up_that_fails_comes_after_the_end_of_what_it_is_about() -> None:
    run = ran(
        Network("trudy", (("tcp", 2.0),)), Say("alice", "trudy"), Wait(0.4), Records("away"), Wait(1), Hang("trudy"),
        answer_wait=1.0, notify_failure=True,
    )  # fmt: skip
    assert notices(run, "alice") == 1
    assert run.found == {}


def test_a_machine_that_answers_each_notice_does_not_drive_the_gateway() -> None:
    run = ran(
        Behave("bob", (("invite", "486"),)), Behave("alice", (("machine", True),)), Say("alice", "bob"), Wait(11),
        notify_failure=True,
    )  # fmt: skip
    assert notices(run, "alice") <= 20
    assert run.found == {}


def test_a_promised_message_whose_set_up_fails_is_told_once() -> None:
    run = ran(Behave("bob", (("invite", "486"), ("after", 12.0))), Say("alice", "bob"), Wait(33), notify_failure=True)
    assert answers(run) == [[202]]
    assert notices(run, "alice") == 1
    assert run.found == {}


def test_nobody_is_told_in_words_that_a_notification_failed() -> None:
    """All that waits for the set-up is an IMDN (RFC 5438 s7.2.1.1), so there is nobody to be told."""
    run = ran(Behave("bob", (("invite", "603"),)), Trick("alice", "forged imdn"), Wait(1), notify_failure=True)
    assert notices(run, "alice") == 0
    assert run.found == {}


def test_a_machine_and_a_peer_that_takes_everything_back_do_not_drive_the_gateway() -> None:
    """No route has to ask for these notices: a 200, and then REPORT 413 for the same message."""
    run = ran(
        Behave("trudy", (("reports", ("413",)),)),
        Behave("alice", (("machine", True),)),
        Say("alice", "trudy"),
        Wait(11),
    )
    assert notices(run, "alice") <= 20
    assert run.found == {}


def test_nobody_is_told_in_words_that_a_notification_was_taken_back() -> None:
    """REPORT 413 about an IMDN that had been taken (RFC 5438 s7.2.1.1)."""
    run = ran(
        Say("alice", "trudy"),
        Wait(1),
        Behave("trudy", (("reports", ("413",)),)),
        Trick("alice", "imdn", "trudy"),
        Wait(1),
    )
    assert notices(run, "alice") == 0
    assert run.found == {}


# ------------------------------------------- an address of the gateway itself (RFC 3261 s16.3, RULEBOOK U2)


def test_an_end_that_calls_an_address_of_the_gateway_does_not_talk_to_itself() -> None:
    """Its words came back to it, and REPORT 200 said that they were delivered."""
    run = ran(CallUp("bob", "itself"), Wait(1), Send("bob", "itself", success=True), Wait(1))
    invites = [heard for heard in run.ledger.sip.heard.values() if heard.method == "INVITE"]
    assert [heard.codes for heard in invites] == [{482}]
    assert run.found == {}


def test_a_path_that_is_the_gateways_own_is_not_connected_to() -> None:
    """An answer whose a=path is at the gateway: it connected to itself (RULEBOOK S34)."""
    run = ran(Behave("trudy", (("elsewhere", "gateway"),)), Say("alice", "trudy"), Wait(5))
    assert [codes[0] >= 400 for codes in answers(run)] == [True]
    assert run.found == {}


def test_a_contact_that_is_the_gateways_own_gets_no_requests() -> None:
    """Its own BYE came back to it, and the dialog had none."""
    run = ran(Behave("trudy", (("contact", "gateway"),)), Say("alice", "trudy"), Wait(5), Operator(), Wait(5))
    assert run.found == {}


def test_a_message_to_an_address_of_the_gateway_is_a_loop() -> None:
    run = ran(Trick("alice", "to itself"), Wait(5))
    assert answers(run) == [[482]]
    assert run.found == {}


# ------------------------------------------------------------------ connections that carry nothing any more

STAYS = ("closes", False)


@pytest.mark.parametrize("code", ["413", "481", "506"])
def test_a_connection_whose_bind_was_refused_is_closed(code: str) -> None:
    """The message has expired before the connection is there, so that an empty SEND binds."""
    run = ran(Behave("trudy", (("send", code), ("after", 0.5), STAYS)), Say("alice", "trudy", expires=0), Wait(5))
    assert run.found == {}


def test_a_connection_whose_bind_was_not_answered_is_closed() -> None:
    run = ran(Behave("trudy", (("send", "never"), ("after", 0.5), STAYS)), Say("alice", "trudy", expires=0), Wait(40))
    assert run.found == {}


def test_a_connection_that_was_bound_from_another_path_is_closed() -> None:
    run = ran(Behave("trudy", (ACTIVE, STAYS, ("early", "other"), ("after", 0.5))), Say("alice", "trudy"), Wait(40))
    assert "nothing is left" not in rules(run)


# ------------------------------------------------------------------------ floods and strangers (RFC 4732 s2.1)


def test_a_flood_of_messages_to_a_host_that_answers_nothing_is_not_passed_on() -> None:
    run = ran(Flood("mallory", 400), Wait(1))
    refused = Counter(codes[0] for codes in answers(run) if codes[0] >= 300)
    assert refused[503] > 0
    assert "unanswered INVITEs are bounded" not in rules(run)


def test_a_flood_of_invites_that_are_never_acknowledged_is_refused() -> None:
    run = ran(Flood("trudy", 400), Wait(1))
    assert "unacknowledged answers are bounded" not in rules(run)


@pytest.mark.parametrize("what", ["MESSAGE", "INVITE", "OPTIONS", "BYE", "CANCEL", "REGISTER", "in dialog"])
def test_a_stranger_leaves_nothing_behind(what: str) -> None:
    assert ran(Strange(what)).found == {}


@pytest.mark.parametrize("what", ["ACK", "answer", "garbage", "malformed"])
def test_what_a_stranger_sends_without_a_request_leaves_nothing_behind(what: str) -> None:
    assert ran(Strange(what)).found == {}
