"""The commands for operators, as processes of their own beside a running gateway."""

from __future__ import annotations

import json
import subprocess
import threading

import pytest

from tests.wire.inbox import Inbox


@pytest.fixture
def gateway(served_gateway):
    return served_gateway


@pytest.fixture
def run(gateway):
    """`run("session", key)`: what it printed as JSON."""

    def run(*command, code=0):
        done = gateway.manage(*command, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if code == 0 else done.stderr

    return run


class Following:
    """A command that goes on; the lines it writes are in `inbox`."""

    def __init__(self, process):
        self.process = process
        self.inbox = Inbox("trace --follow")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.inbox.put(line.rstrip("\n"))

    def take(self, *words, within=15):
        """The next line that has all these words."""
        return self.inbox.take(lambda line: all(word in line for word in words), within, f"line with {words}")


@pytest.fixture
def follow(gateway):
    """`follow(key)`: manage.py trace --follow."""
    started = []

    def follow(*arguments):
        started.append(gateway.manage_on("trace", *arguments, "--follow"))
        return Following(started[-1])

    yield follow
    for each in started:
        if each.poll() is None:
            each.kill()
        each.wait()


def captured(gateway, session):
    gateway.wait_for_rows(
        "SELECT 1 FROM sessions_app_nodecommand WHERE session_id = %s AND verb = 'capture' AND done_at IS NOT NULL",
        session,
        within=20,
    )


def test_trace_follows_a_conversation_while_it_happens_and_ends_with_it(gateway, follow, alice, bob, live):
    session = str(gateway.session_row(live.invite.call_id, state="live")["id"])
    trace = follow(session)
    trace.take(alice.uri[:20], bob.uri[:20])
    captured(gateway, session)
    sent = alice.message(bob.uri, "a private word")
    live.take_message()
    assert alice.final_answer_to(sent).status == 200
    trace.take("─ MESSAGE 14 octets ─", ">|")
    trace.take("─ SEND MSRP, octets 1-14/14 ─", ">|")
    trace.take("|<", "✓ 200 OK of MESSAGE")
    assert trace.process.poll() is None, "it goes on as long as the session does"
    assert live.bye().status == 200
    trace.take("|<", "─ BYE ─")
    trace.take("ended BYE from the MSRP side")
    assert trace.process.wait(15) == 0
    assert not [line for line in trace.inbox.everything() if "private" in line]
    assert gateway.rows("SELECT who FROM sessions_app_auditentry WHERE action = 'capture' AND target = %s", session), (
        "a capture is on the audit trail"
    )


def test_trace_tells_programs_each_step_as_a_line_of_json(gateway, follow, alice, bob, live):
    session = str(gateway.session_row(live.invite.call_id, state="live")["id"])
    trace = follow(session, "--json")
    captured(gateway, session)
    sent = alice.message(bob.uri, "more")
    live.take_message()
    assert alice.final_answer_to(sent).status == 200
    step = json.loads(trace.take("SEND", "1-4/4"))
    assert (step["from"], step["to"], step["tone"]) == ("gateway", "msrp_side", "ask")
    assert isinstance(step["frame"], int)
    live.bye()
    assert trace.process.wait(15) == 0
    assert all(json.loads(line) for line in trace.inbox.everything())


def test_a_session_is_shown_drawn_and_ended(gateway, run, alice, live):
    row = gateway.session_row(live.invite.call_id, state="live")
    shown = run("session", row["key"])
    assert (shown["id"], shown["state"]) == (str(row["id"]), "live")
    assert [message["state"] for message in shown["messages"]] == ["delivered"]
    drawn = run("session", str(row["id"]), "--ladder")
    assert [step["label"] for step in drawn["steps"] if step["from"] != step["to"]][:2] == ["MESSAGE", "SEND"]
    assert run("sessions", alice.user)[0]["id"] == str(row["id"])
    assert run("end", str(row["id"])) == {"session": str(row["id"]), "done": True, "result": "ended"}
    live.expect_bye()
    live.wire.expect_close()
    assert "ended already" in run("end", str(row["id"]), code=1)


def test_a_failure_is_found_by_its_cause_and_retried(gateway, run, alice, bob, live):
    kept = live.send("again", message_id="Retried1")
    alice.respond(alice.expect("MESSAGE"), 486, "Busy Here")
    assert live.wire.response_to(kept).code == 403
    (row,) = gateway.wait_for_rows(
        "SELECT * FROM sessions_app_messagerecord WHERE message_id = 'Retried1' AND state = 'failed'"
    )
    assert any((group["code"], group["kind"]) == (486, "message") for group in run("failures"))
    each = next(failure for failure in run("failures", "--each") if failure["id"] == str(row["id"]))
    assert (each["kind"], each["code"], each["to_uri"]) == ("message", 486, alice.uri)
    (result,) = run("retry", str(row["id"]))
    assert result["result"] == "sent again to the message side"
    again = alice.expect("MESSAGE")
    assert again.body == b"again"
    alice.respond(again, 200)
    gateway.wait_for_rows(
        "SELECT 1 FROM sessions_app_messagerecord WHERE message_id = 'Retried1' AND state = 'delivered'"
    )


def test_a_message_is_sent_and_its_outcome_told(gateway, run, alice, bob, live):
    sending = gateway.manage_on("send", alice.uri, bob.uri, "from the shell", "--json")
    try:
        assert live.take_message(within=20).body == b"from the shell"
        output, errors = sending.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        sending.kill()
        raise
    assert sending.returncode == 0, errors
    told = json.loads(output)
    assert (told["state"], told["direction"], told["msrp_code"]) == ("delivered", "to_msrp", 200)
    refused = run("send", alice.uri, bob.uri, "x", "--source", "203.0.113.9", code=1)
    assert "no peer" in refused
