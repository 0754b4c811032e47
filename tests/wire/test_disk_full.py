"""No room on the disk of the database: messages pass, no promise is made that is not written, and room heals it all."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from gateway_project.postgres.cluster import Cluster
from tests.wire.conftest import SHORT_TIMES
from tests.wire.running import Running
from tests.wire.session_peer import SessionPeer
from tests.wire.sip_peer import SipPeer

SIZE = "160m"
"""Of the file system: the cluster as it is made, and little more."""
ANSWER_WAIT = 1.0


@pytest.fixture
def small_disk():
    """A folder with a small file system of its own."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system needs root")
    folder = Path(tempfile.mkdtemp(prefix="parley-small-"))
    options = f"size={SIZE},mode=711"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        folder.rmdir()
        pytest.skip(f"this machine does not let root mount: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


@pytest.fixture
def gateway(small_disk):
    running = Running(state=small_disk, **SHORT_TIMES | {"GATEWAY_ANSWER_WAIT": str(ANSWER_WAIT)})
    try:
        yield running.start()
    finally:
        (small_disk / "ballast").unlink(missing_ok=True)
        running.close()


def fill(folder):
    """Leave not an octet."""
    with (folder / "ballast").open("ab", buffering=0) as ballast:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    ballast.write(b"\0" * size)
            except OSError:
                continue


def until(what, within=30.0, why=lambda: ""):
    deadline = time.monotonic() + within
    while not what():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


def said(gateway, words):
    """How many lines of its log have these words."""
    return sum(words in line for line in list(gateway.output))


def test_a_full_disk_keeps_no_message_from_passing_and_no_promise_from_being_true(gateway):
    alice, bob = SipPeer("alice", gateway), SessionPeer("bob", gateway)
    sent = [alice.message(bob.uri, "while there is room")]
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(sent[0]).status == 200
    gateway.message_row(sent[0].call_id, state="delivered")

    fill(gateway.state)
    while not said(gateway, "the database does not take rows"):
        assert len(sent) < 3000
        sent.append(alice.message(bob.uri, "x" * 400))
        call.take_message()
        assert alice.final_answer_to(sent[-1]).status == 200, "delivered, whatever becomes of its row"

    slow = alice.message(bob.uri, "to be answered late")
    send = call.expect_message()
    time.sleep(ANSWER_WAIT + 0.5)  # the moment at which 202 would be said
    assert not alice.has_answer(slow), "nothing is kept, so nothing is promised"
    call.wire.answer(send)
    assert alice.final_answer_to(slow).status == 200
    tid = call.send("back to alice", message_id="WhileFull", reports=["Success-Report: yes"])
    message = alice.expect("MESSAGE")
    time.sleep(0.3)  # the moment at which the MSRP 200 would be said
    assert call.wire.inbox.having(lambda each: getattr(each, "tid", None) == tid) == []
    alice.respond(message, 200)
    assert call.wire.response_to(tid).code == 200
    assert call.report("WhileFull")["Status"].startswith("000 200")

    (gateway.state / "ballast").unlink()
    until(lambda: said(gateway, "the database takes rows again"))
    calls = [each.call_id for each in (*sent, slow)]
    gateway.wait_for_rows(
        "SELECT 1 FROM sessions_app_messagerecord WHERE call_id = ANY(%s) AND state = 'delivered'",
        calls,
        count=len(calls),
        within=30,
    )
    late = alice.message(bob.uri, "with room again")
    send = call.expect_message()
    assert alice.final_answer_to(late).status == 202, "promises are made again"
    call.wire.answer(send)
    gateway.message_row(late.call_id, state="delivered")
    for peer in (alice, bob):
        peer.close()


def test_a_database_that_dies_on_a_full_disk_is_started_again_once_there_is_room(gateway):
    alice, bob = SipPeer("alice", gateway), SessionPeer("bob", gateway)
    first = alice.message(bob.uri, "before")
    call = bob.take_call()
    call.take_message()
    assert alice.final_answer_to(first).status == 200
    cluster = Cluster(gateway.state)

    def is_down() -> bool:
        """Whether it could not start; what one that died has freed may just do for the next, which dies then too."""
        fill(gateway.state)
        running = cluster.pid()
        if running is not None and cluster.ready():
            os.kill(running, signal.SIGKILL)
        return said(gateway, "the embedded PostgreSQL did not start") > 0

    until(
        is_down, within=90.0, why=lambda: [cluster.pid(), *list(gateway.output)[-12:], cluster.log.read_text()[-2000:]]
    )
    sent = alice.message(bob.uri, "without a database")
    call.take_message()
    assert alice.final_answer_to(sent).status == 200

    (gateway.state / "ballast").unlink()
    until(cluster.ready)
    gateway.message_row(sent.call_id, state="delivered")
    for peer in (alice, bob):
        peer.close()
