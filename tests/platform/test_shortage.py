"""Where nothing can be opened any more, that is what is said: no database is dead, away or started a second time."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import logging
import os
import resource
import signal
import socket
import subprocess
import sys

import psycopg
import pytest
from django.db.utils import InterfaceError, OperationalError
from psycopg import errors

from gateway_project.postgres.cluster import Cluster
from gateway_project.postgres.faults import database_fault
from gateway_project.postgres.share import Share
from sessions_app import __version__, shortage
from tests.platform.test_run import start, wait_until  # noqa: F401 - a fixture

HEALTHY = json.dumps({"status": "ok", "version": __version__})
NONE_LEFT = "no file descriptor is left in this process"
EXHAUST = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
for _ in range(int(sys.argv[2])):
    os.close(held.pop())
"""
CONNECT = (
    "import psycopg\nfrom sessions_app import shortage\npsycopg.connect(__import__('sys').argv[1]).close()\n"
    + EXHAUST
    + """
try:
    psycopg.connect(sys.argv[1], connect_timeout=5).close()
except Exception as error:
    said = shortage.of(error)
    for each in held:
        os.close(each)
    print(type(error).__name__, said)
else:
    print("connected")
"""
)
START = (
    "import sys\nfrom pathlib import Path\nfrom gateway_project.postgres.cluster import Cluster\n"
    "cluster = Cluster(Path(sys.argv[1]))\nbefore = cluster.pid()\ncluster.start()\n"
    + EXHAUST
    + """
said = []
for doing in (cluster.ready, cluster.pid, cluster.start):
    try:
        doing()
    except Exception as error:
        said.append(type(error).__name__)
for each in held:
    os.close(each)
print(before == cluster.pid(), said)
"""
)


def child(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def share(state_folder):
    share = Share(state_folder)
    share.ensure()
    yield share
    share.release()


def raised(error, cause):
    """The error as whoever catches it has it."""
    error.__cause__ = cause
    return error


EMFILE = OSError(errno.EMFILE, "Too many open files")


class TestWords:
    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (OSError(errno.EMFILE, "x"), NONE_LEFT),
            (OSError(errno.ENFILE, "x"), "no file descriptor is left on this machine"),
            (OSError(errno.ENOMEM, "x"), "no memory is left"),
            (MemoryError(), "no memory is left"),
            (RuntimeError("can't start new thread"), "no thread can be started"),
            (raised(OperationalError("x"), EMFILE), NONE_LEFT),
            (raised(ValueError("x"), raised(OperationalError("y"), EMFILE)), NONE_LEFT),
            (psycopg.OperationalError("could not create socket: Too many open files"), NONE_LEFT),
            (psycopg.OperationalError("failed to resolve host 'h': [Errno 24] Too many open files: '/x'"), NONE_LEFT),
            (errors.DiskFull("x"), "the database has no room on its disk"),
            (errors.OutOfMemory("x"), "the database has no memory left"),
            (errors.TooManyConnections("x"), "the database takes no more connections"),
            (raised(OperationalError("x"), errors.DiskFull("x")), "the database has no room on its disk"),
            (psycopg.OperationalError("FATAL:  sorry, too many clients already"), "takes no more connections"),
        ],
        ids=repr,
    )
    def test_what_is_short_is_called_what_it_is_and_nothing_is_away(self, error, said):
        assert said in shortage.of(error)
        assert said in shortage.words(error)
        assert not shortage.is_away(error)

    @pytest.mark.parametrize(
        "error",
        [
            OperationalError("connection refused"),
            InterfaceError("connection already closed"),
            psycopg.OperationalError("connection is bad: no error details available"),
            raised(OperationalError("x"), psycopg.OperationalError("server closed the connection unexpectedly")),
            raised(OperationalError("x"), errors.AdminShutdown("x")),
            raised(OperationalError("x"), errors.CannotConnectNow("x")),
        ],
        ids=repr,
    )
    def test_a_database_that_is_away_is_away(self, error):
        assert shortage.of(error) is None
        assert shortage.is_away(error)

    @pytest.mark.parametrize(
        "error",
        [
            ValueError("x"),
            FileNotFoundError(errno.ENOENT, "x"),
            BlockingIOError(errno.EAGAIN, "x"),
            RuntimeError("x"),
            raised(OperationalError("x"), errors.DeadlockDetected("x")),
            raised(OperationalError("x"), errors.QueryCanceled("x")),
        ],
        ids=repr,
    )
    def test_any_other_fault_is_neither(self, error):
        assert shortage.of(error) is None
        assert not shortage.is_away(error)

    def test_a_fault_in_the_handling_of_another_is_that_other_unless_it_was_put_aside(self):
        for aside in (False, True):
            with pytest.raises(OperationalError) as caught:
                _fails_while_handling(EMFILE, aside)
            assert shortage.is_away(caught.value) is aside

    def test_a_command_says_it_in_one_line_too(self):
        assert NONE_LEFT in database_fault(EMFILE)
        assert NONE_LEFT in database_fault(raised(OperationalError("x"), EMFILE))


@pytest.mark.parametrize("free", range(5))
def test_a_connection_that_cannot_be_opened_is_no_database_that_is_away(share, free):
    """With one free descriptor psycopg raises an OSError, with none what looks like a dead server."""
    said = child(CONNECT, share.cluster.url, free)
    assert NONE_LEFT in said or said == "connected"
    assert NONE_LEFT in said or free


@pytest.mark.parametrize("free", range(4))
def test_a_server_that_runs_is_left_alone_by_whoever_cannot_see_it(share, free):
    pid = share.cluster.pid()
    same, said = child(START, share.cluster.state, free).split(" ", 1)
    assert same == "True"
    assert free or said == "['OSError', 'OSError', 'OSError']"
    assert share.cluster.pid() == pid
    with psycopg.connect(share.cluster.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_keeper_says_it_once_and_says_when_it_is_over(share, caplog):
    pid = share.cluster.pid()
    with caplog.at_level(logging.WARNING):
        with nothing_left():
            for _ in range(3):
                share._look()
        share._look()
    assert [record.getMessage().partition(" which")[0] for record in caplog.records] == [
        f"the embedded PostgreSQL cannot be looked after: {NONE_LEFT},",
        "the embedded PostgreSQL is looked after again, and runs",
    ]
    assert share.cluster.pid() == pid


def test_the_keeper_still_finds_a_server_that_died(share, caplog):
    pid = share.cluster.pid()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: share.cluster.pid() is None)
    with caplog.at_level(logging.WARNING):
        share._look()
    assert [record.getMessage() for record in caplog.records] == ["the embedded PostgreSQL died, starting it again"]
    assert share.cluster.pid() not in (None, pid)


def test_pages_and_probes_say_it_while_connections_take_all_descriptors(start):  # noqa: F811
    running = start("runserver", "--noreload")
    database = Cluster(running.state).pid()
    with contextlib.ExitStack() as held:
        early = [held.enter_context(contextlib.closing(_connected(running.ports[0]))) for _ in range(5)]
        pid = running.process.pid
        limit = len(os.listdir(f"/proc/{pid}/fd")) + 10
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
        for _ in range(30):
            held.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", running.ports[0]))))
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) >= limit)
        answers = {}
        for connection, path in zip(
            early, ["/healthz", "/readyz", "/login/", "/api/v1/sessions/", "/metrics"], strict=True
        ):
            connection.request("GET", path, headers={"Authorization": "Basic YTpi"} if "api" in path else {})
            answer = connection.getresponse()
            answers[path] = (answer.status, answer.read().decode())
        wait_until(lambda: any("looked after" in line for line in told(running)))
    wait_until(lambda: any("looked after again" in line for line in told(running)))
    assert answers["/healthz"] == (200, HEALTHY)
    assert answers["/metrics"][0] == 200
    for path, said in (
        ("/readyz", NONE_LEFT),
        ("/login/", "reached a limit"),
        ("/api/v1/sessions/", "reached a limit"),
    ):
        assert answers[path][0] == 503, path
        assert said in answers[path][1]
    lines = told(running)
    assert any(NONE_LEFT in line for line in lines)
    assert not any("died" in line or "is away" in line or "not reachable" in line for line in lines)
    assert Cluster(running.state).pid() == database
    assert running.get("/readyz") == 200


def _fails_while_handling(first, aside):
    try:
        raise first
    except OSError:
        if aside:
            raise OperationalError("connection refused") from None
        raise OperationalError("connection refused")


def told(running):
    """What it has said since it was ready."""
    with contextlib.suppress(Exception):
        while True:
            line = running._incoming.get_nowait()
            running.lines.append(line or "")
    return list(running.lines)


def _connected(port):
    """An HTTP connection that stays open, on which a first answer has come."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/healthz")
    assert connection.getresponse().read().decode() == HEALTHY
    return connection


@contextlib.contextmanager
def nothing_left():
    """Inside, this process can open nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
    held = []
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
