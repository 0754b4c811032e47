"""The verdict finds what it is there to find: a ledger with one fault of each kind."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tests.kill.ledger import ACCEPTED, DELIVERED, FAILED, SILENCE, Entry, Ledger, Outage, Sighting, Told
from tests.kill.schedule import TO_MSRP, TO_PAGE, Schedule
from tests.kill.verdict import VIOLATIONS, judge
from tests.kill.victim import Records


class Story:
    """A ledger written by hand; times are seconds."""

    def __init__(self):
        self.ledger = Ledger()
        self.records = Records()

    def message(self, way=TO_MSRP, number=0, *, sent=0.0, tries=(), told=(), seen=(), refused=(), rows=()):
        entry = Entry(way, 0, number, f"id-{number}", sha256(f"{way} {number}".encode()).digest(), sent)
        entry.tries = list(tries) or [sent]
        entry.told = [Told(*each) for each in told]
        entry.seen = [Sighting(*each) for each in seen]
        entry.refused = list(refused)
        self.ledger.entries[entry.key] = entry
        if rows:
            self.records.states[entry.sha256] = list(rows)
        return self

    def judged(self):
        verdict = judge(self.ledger, self.records)
        found = {name: sum(column[name] for column in verdict.table.values()) for name in VIOLATIONS}
        return verdict, {name: number for name, number in found.items() if number}


@pytest.fixture
def story():
    return Story()


def test_delivered_messages_are_clean(story):
    story.message(told=[(0.2, DELIVERED, 200)], seen=[(0.1, "m", False)], rows=["delivered"])
    story.message(
        TO_PAGE, told=[(0.2, ACCEPTED, 200), (0.3, DELIVERED, 200)], seen=[(0.1, "c", False)], rows=["delivered"]
    )
    story.message(number=1, sent=1, told=[(1.1, ACCEPTED, 202)], seen=[(9.0, "n", False)], rows=["delivered"])
    story.message(number=2, sent=2, told=[(2.1, FAILED, 480)], rows=["failed"])
    verdict, found = story.judged()
    assert verdict.clean
    assert found == {}


@pytest.mark.parametrize("code", [200, 202])
def test_an_acknowledged_message_that_never_came_is_lost(story, code):
    _, found = story.message(told=[(0.1, ACCEPTED, code)], rows=["pending"]).judged()
    assert found == {"lost": 1, "left pending": 1}


def test_what_the_receiver_refused_after_the_promise_needs_a_row_that_says_so(story):
    told, refused = [(0.1, ACCEPTED, 202)], [(0.4, 403)]
    verdict, found = story.message(told=told, refused=refused, rows=["failed"]).judged()
    assert (found, verdict.table[TO_MSRP]["told by its row"]) == ({}, 1)
    _, found = story.message(number=1, told=told, refused=refused).judged()
    assert found == {"lost": 1}


def test_a_notice_tells_of_one_failure_after_the_promise(story):
    told, refused = [(0.1, ACCEPTED, 202)], [(0.4, 403)]
    story.message(told=told, refused=refused, rows=["failed"])
    story.ledger.noticed(TO_MSRP, 0)
    verdict, found = story.judged()
    assert (verdict.clean, found, verdict.table[TO_MSRP]["told by a notice"]) == (True, {}, 1)
    story.message(number=1, told=[(0.1, FAILED, 403)], refused=refused, rows=["failed"])
    story.ledger.noticed(TO_MSRP, 0)
    verdict, found = story.judged()
    assert (verdict.clean, found, verdict.table[TO_MSRP]["told twice"]) == (True, {}, 1)
    story.ledger.noticed(TO_MSRP, 0)
    assert "1 notices of a failure in to-msrp/0 that was none" in story.judged()[0].anomalies


def test_a_refusal_that_became_a_482_is_no_success(story):
    told, refused = [(0.6, ACCEPTED, 200)], [(0.1, 480)]
    story.message(TO_PAGE, told=told, refused=refused, rows=["accepted"])
    assert story.judged()[1] == {"lost": 1}
    (entry,) = story.ledger.entries.values()
    entry.merged = [0.5]
    verdict, found = story.judged()
    assert (found, verdict.table[TO_PAGE]["refused, then 482"]) == ({}, 1)
    story.records.states.clear()
    assert story.judged()[1] == {"lost": 1}
    story.ledger.outages.append(Outage("gateway", 0.9, 3.0))  # the row follows the answer, and had no time to
    verdict, found = story.judged()
    assert (found, verdict.table[TO_PAGE]["refused, then 482"]) == ({}, 1)
    story.ledger.outages[0] = Outage("gateway", 1.7, 3.0)
    assert story.judged()[1] == {"lost": 1}
    story.records.states[entry.sha256] = ["accepted"]
    entry.told.append(Told(0.7, DELIVERED, 200))
    assert story.judged()[1] == {"lost": 1, "false success": 1}


def test_a_failure_report_after_the_promise_is_no_loss(story):
    _, found = story.message(TO_PAGE, told=[(0.1, ACCEPTED, 200), (0.3, FAILED, 403)], rows=["failed"]).judged()
    assert found == {}


def test_success_of_what_never_came_is_false(story):
    _, found = story.message(told=[(0.1, DELIVERED, 200)]).judged()
    assert found == {"lost": 1, "false success": 1}


def test_failure_of_what_came_is_false(story):
    _, found = story.message(told=[(0.2, FAILED, 480)], seen=[(0.1, "m", False)], rows=["failed"]).judged()
    assert found == {"false failure": 1, "record wrong": 1}


def test_two_identities_are_a_duplicate(story):
    seen = [(0.1, "m", False), (0.4, "n", False)]
    _, found = story.message(told=[(0.5, DELIVERED, 200)], seen=seen).judged()
    assert found == {"duplicated": 1}


def test_a_repeat_needs_a_kill_or_a_lost_session(story):
    seen = [(0.1, "m", False), (2.4, "m", True)]
    told = [(2.5, DELIVERED, 200)]
    _, found = story.message(told=told, seen=seen).judged()
    assert found == {"repeats unexplained": 1}
    story.ledger.breaks[TO_MSRP, 0] = [1.0]
    verdict, found = story.judged()
    assert (found, verdict.table[TO_MSRP]["repeats after a lost session"]) == ({}, 1)
    story.ledger.outages.append(Outage("database", 1.0, 2.0))
    verdict, _ = story.judged()
    assert verdict.table[TO_MSRP]["repeats after a kill"] == 0
    story.ledger.outages.append(Outage("gateway", 1.0, 2.0))
    verdict, found = story.judged()
    assert (found, verdict.table[TO_MSRP]["repeats after a kill"]) == ({}, 1)


def test_a_later_message_that_came_first_is_a_reordering(story):
    story.message(number=0, told=[(0.5, ACCEPTED, 202)], seen=[(3.0, "m", False)])
    story.message(number=1, told=[(0.6, ACCEPTED, 202)], seen=[(2.0, "n", False)])
    verdict, found = story.judged()
    assert found == {"reordered": 1}
    assert "first seen 1.000 s after number 1" in verdict.violations[0].trace(story.ledger)


def test_a_trace_tells_what_the_row_says_and_what_either_side_did(story):
    story.message(told=[(0.5, ACCEPTED, 202)], seen=[(0.1, "m", False)], rows=["failed"])
    [entry] = story.ledger.entries.values()
    story.records.said[entry.sha256] = ["state=failed detail=because"]
    story.records.sessions[entry.sha256] = ["s1"]
    story.records.events["s1"] = [(0.25, "live"), (9.0, "long after")]
    story.ledger.steps[TO_MSRP, 0] = [(0.3, "BYE"), (9.0, "long after")]
    verdict, found = story.judged()
    assert found == {"record wrong": 1}
    assert verdict.violations[0].trace(story.ledger).split("\n") == [
        "record wrong: to-msrp/0/0: it was seen, its rows say ['failed']",
        "    row  state=failed detail=because",
        "      +0.000  sent as id-0",
        "      +0.100  seen as m",
        "      +0.250  gateway: live",
        "      +0.300  MSRP side: BYE",
        "      +0.500  sender told accepted (202)",
    ]


def test_silence_while_the_gateway_was_down_at_every_try_is_timer_f(story):
    tries = [0.0, 0.5, 1.5, 3.5, *(7.5 + 4 * each for each in range(7))]  # Timer E
    story.message(told=[(32.0, SILENCE, 0)], tries=tries)
    story.ledger.outages += [Outage("gateway", -1.0, 5.0), Outage("gateway", 5.5, 27.0), Outage("database", 28.0, 40.0)]
    verdict, found = story.judged()
    assert (found, verdict.table[TO_MSRP]["Timer F in outages"]) == ({}, 1)
    story.ledger.outages[1] = Outage("gateway", 9.0, 27.0)  # up when the try at 7.5 s came
    assert story.judged()[1] == {"limbo": 1}
    # Timer E ran late, as the machine was busy, and met the next outage: nobody could have answered.
    [entry] = story.ledger.entries.values()
    entry.tries[4] = 8.9
    verdict, found = story.judged()
    assert (found, verdict.table[TO_MSRP]["Timer F in outages"]) == ({}, 1)


def test_a_try_half_a_second_before_timer_f_leaves_no_time_for_an_answer(story):
    story.message(told=[(32.0, SILENCE, 0)], tries=[0.0, 31.5])
    story.ledger.outages.append(Outage("gateway", -1.0, 30.0))
    verdict, found = story.judged()
    assert (found, verdict.table[TO_MSRP]["Timer F in outages"]) == ({}, 1)
    [entry] = story.ledger.entries.values()
    entry.tries[1] = 31.0
    assert story.judged()[1] == {"limbo": 1}


@pytest.mark.parametrize("seen", [[], [(0.1, "m", False)]])
def test_silence_is_limbo(story, seen):
    _, found = story.message(told=[(32.0, SILENCE, 0)], seen=seen).judged()
    assert found == {"limbo": 1}
    _, found = story.message(seen=seen).judged()
    assert found == {"limbo": 1}


def test_a_success_report_must_come_where_its_session_lives(story):
    told, seen = [(0.1, ACCEPTED, 200)], [(0.2, "c", False)]
    _, found = story.message(TO_PAGE, told=told, seen=seen, rows=["delivered"]).judged()
    assert found == {"report missing": 1}
    story.ledger.breaks[TO_PAGE, 0] = [1.0]
    verdict, found = story.judged()
    assert (found, verdict.table[TO_PAGE]["report not possible"]) == ({}, 1)


def test_a_run_is_not_over_before_the_reports_that_are_due():
    ledger = Ledger()
    letter = next(Schedule().letters(TO_PAGE, 0))
    entry = ledger.sent(TO_PAGE, 0, letter, "id")
    ledger.told(letter.key, ACCEPTED, 200)
    assert (ledger.unsettled, ledger.reports_due) == (0, 0)
    ledger.seen(letter.key, "c", repeat=False)
    assert (ledger.unsettled, ledger.reports_due) == (0, 1)
    ledger.merged(letter.key)
    assert ledger.reports_due == 0
    entry.merged.clear()
    ledger.told(letter.key, DELIVERED, 200)
    assert ledger.reports_due == 0
    ledger.told(letter.key, ACCEPTED, 200)
    assert ledger.reports_due == 0

    other = ledger.sent(TO_PAGE, 1, letter._replace(key="to-page/1/0"), "id")
    ledger.told(other.key, ACCEPTED, 200)
    ledger.seen(other.key, "c", repeat=False)
    assert ledger.reports_due == 1
    ledger.session_over([(TO_PAGE, 1)], "of itself")
    assert ledger.reports_due == 0


def test_a_record_that_says_delivered_of_what_never_came_is_wrong(story):
    _, found = story.message(told=[(0.1, FAILED, 480)], rows=["delivered"]).judged()
    assert found == {"record wrong": 1}


def test_owed_rows_and_anomalies_are_not_clean(story):
    assert story.judged()[0].clean
    story.records.by_state["to_msrp", "pending"] = 1
    assert not story.judged()[0].clean
    story.records.by_state.clear()
    story.ledger.seen("to-msrp/7/7", "m", repeat=False)
    verdict, _ = story.judged()
    assert not verdict.clean
    assert "nobody sent" in str(verdict)


def test_the_same_seed_is_the_same_run():
    one, other = Schedule(seed=7, kills=5, database_kills=2), Schedule(seed=7, kills=5, database_kills=2)
    assert one.moments() == other.moments()
    assert sorted(kill.victim for kill in one.moments()) == ["database"] * 2 + ["gateway"] * 5
    assert Schedule(seed=8, kills=5, database_kills=2).moments() != one.moments()
    letters, again = one.letters(TO_PAGE, 3), other.letters(TO_PAGE, 3)
    for _ in range(50):
        letter = next(letters)
        assert letter == next(again)
        assert one.treatment(letter.key) == other.treatment(letter.key)


def test_the_load_adds_up_to_its_rate():
    schedule = Schedule(rate=500, conversations=200)
    assert sum(1 / schedule.pause(each) for each in range(200)) == pytest.approx(500)
    assert Schedule(rate=5, conversations=1).pause(0) == pytest.approx(0.2)
