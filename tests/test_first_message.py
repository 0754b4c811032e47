"""The README's first message: `manage.py talk` at both ends, and sipp with its example scenario."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import find_program
from tests.wire.running import HOST, Running

PROJECT = Path(__file__).resolve().parents[1]
DEADLINE = 15


@pytest.fixture(scope="module")
def gateway():
    running = Running()
    try:
        yield running.start()
    finally:
        running.close()


class Terminal:
    """One `manage.py talk`, with what is typed and shown."""

    def __init__(self, role: str, gateway: Running, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "talk", role, "--gateway", f"{HOST}:{gateway.sip_port}", *arguments],
            cwd=PROJECT,
            env={**os.environ, "PARLEY_STATE_DIR": str(gateway.state), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._shown: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.expect("You are")

    def _read(self) -> None:
        for line in self._process.stdout:
            self._shown.put(line.rstrip("\n"))

    def type(self, line: str) -> None:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def expect(self, text: str) -> str:
        """The next line shown that has `text`."""
        end = time.monotonic() + DEADLINE
        while True:
            line = self._shown.get(timeout=max(0.01, end - time.monotonic()))
            if text in line:
                return line

    def close(self) -> int:
        self._process.stdin.close()
        return self._process.wait(DEADLINE)


@pytest.fixture
def talk(gateway):
    terminals = []

    def one(role, *arguments):
        terminals.append(Terminal(role, gateway, *arguments))
        return terminals[-1]

    yield one
    for terminal in terminals:
        terminal.close()


def uris(gateway: Running, number: int) -> tuple[str, str]:
    """Two users at ports of their own."""
    return f"sip:alice@{HOST}:{gateway.sip_port + number}", f"sip:bob@{HOST}:{gateway.sip_port + number + 1}"


def test_a_line_typed_at_the_phone_arrives_over_msrp_and_the_answer_as_a_message(gateway, talk):
    alice, bob = uris(gateway, 10)
    chat = talk("chat", "--me", bob, "--to", alice)
    phone = talk("phone", "--me", alice, "--to", bob)
    phone.type("hello from a phone")
    assert chat.expect("< sip:alice").endswith(": hello from a phone")
    assert phone.expect("MESSAGE:").endswith("200 OK")
    chat.type("hello over MSRP")
    assert phone.expect("< sip:bob").endswith(": hello over MSRP")
    chat.expect("SEND: 200")
    chat.expect("REPORT: 200")
    rows = gateway.rows("SELECT direction, state FROM sessions_app_messagerecord ORDER BY received_at")
    deadline = time.monotonic() + DEADLINE
    while len(rows) < 2 and time.monotonic() < deadline:
        rows = gateway.rows("SELECT direction, state FROM sessions_app_messagerecord ORDER BY received_at")
    assert [(row["direction"], row["state"]) for row in rows] == [("to_msrp", "delivered"), ("to_page", "delivered")]


def test_the_msrp_side_can_begin(gateway, talk):
    alice, bob = uris(gateway, 20)
    phone = talk("phone", "--me", alice, "--to", bob)
    chat = talk("chat", "--me", bob, "--to", alice)
    chat.type("me first")
    assert phone.expect("< sip:bob").endswith(": me first")
    chat.expect("REPORT: 200")
    phone.type("then me")
    assert chat.expect("< sip:alice").endswith(": then me")


def test_nobody_there_is_said_in_words(gateway, talk):
    alice, bob = uris(gateway, 30)
    phone = talk("phone", "--me", alice, "--to", bob.replace(HOST, "nowhere.invalid"))
    phone.type("anybody?")
    assert "MESSAGE: 500" in phone.expect("MESSAGE:")


@pytest.mark.peer
def test_sipp_as_the_phone_with_the_example_scenario(gateway, talk, tmp_path):
    sipp = find_program("sipp")
    chat = talk("chat", "--me", f"sip:bob@{HOST}:5090", "--to", f"sip:alice@{HOST}:{gateway.sip_port + 40}")
    done = subprocess.run(
        [
            *(sipp, "-sf", str(PROJECT / "docs/examples/message.xml"), "-m", "1", "-s", "bob", "-i", HOST),
            *("-p", str(gateway.sip_port + 40), f"{HOST}:{gateway.sip_port}"),
        ],
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert chat.expect("< sip:alice").endswith("Hello from sipp")
