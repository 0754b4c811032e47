"""The whole thing started as a user starts it, and stopped as a user, an init system or an accident stops it."""

import contextlib
import os
import queue
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gateway_project.postgres.cluster import Cluster
from sessions_app import __version__

PROJECT = Path(__file__).resolve().parents[2]
READY = "Parley ready"


class Started:
    """A running command, its output line by line."""

    def __init__(self, state, *command, **environment):
        self.state = state
        self.ports = free_ports()
        http, sip, msrp = self.ports
        self.base = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "PARLEY_STATE_DIR": str(state),
            "HTTP_LISTEN": f"127.0.0.1:{http}",
            "SIP_LISTEN": f"udp:127.0.0.1:{sip},tcp:127.0.0.1:{sip}",
            "MSRP_LISTEN": f"tcp:127.0.0.1:{msrp}",
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=PROJECT,
            env=self.base | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A test run in the background inherits an ignored SIGINT and would hand it on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.lines = []
        self._incoming = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self.process.stdout as output:
            for line in output:
                self._incoming.put(line.rstrip("\n"))
        self._incoming.put(None)

    def wait_ready(self, seconds=60):
        deadline = time.monotonic() + seconds
        while True:
            line = self._incoming.get(timeout=max(0.01, deadline - time.monotonic()))
            assert line is not None, "\n".join(self.lines)
            self.lines.append(line)
            if line == READY:
                return "\n".join(self.lines)

    def get(self, path):
        """The status of the answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[0]}{path}", timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(30)

    def children(self):
        """Every process that has this state folder in its environment or as its data folder, but the command itself."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                told = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
                if os.fsencode(str(self.state)) in told and int(pid) not in (self.process.pid, os.getpid()):
                    found.append(int(pid))
        return found


def free_ports():
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(3)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@pytest.fixture
def start(state_folder):
    """`start("runserver", ...)`: waits until it is ready; whatever is left at the end is killed."""
    started = []

    def start(*command, state=state_folder, **environment):
        started.append(Started(state, *command, **environment))
        started[-1].banner = started[-1].wait_ready()
        return started[-1]

    yield start
    for each in started:
        for pid in (*each.children(), each.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        each.process.wait()
    wait_until(lambda: not any(each.children() for each in started))


def wait_until(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_ready_means_every_listener_is_open_and_the_pages_answer(start):
    running = start("runserver", "--noreload")
    assert all(listens(port) for port in running.ports)
    assert running.get("/admin/login/") == 200
    assert running.get("/static/unfold/css/styles.css") == 200
    assert (running.state / "gateway.pid").read_text() == f"{running.process.pid}\n"
    for address in (running.base["HTTP_LISTEN"], *running.base["SIP_LISTEN"].split(","), running.base["MSRP_LISTEN"]):
        assert address in running.banner
    assert running.banner.startswith(f"Parley {__version__}\n")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_and_everything_it_started(start, how):
    running = start("runserver", "--noreload")
    assert running.children()
    assert running.stop(how) == 0
    assert running.children() == []
    assert Cluster(running.state).pid() is None
    assert not (running.state / "gateway.pid").exists()


def test_the_generated_password_is_shown_once_and_kept_for_its_owner(start):
    first = start("runserver", "--noreload")
    kept = first.state / "admin-password"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((first.state / "secret-key").stat().st_mode) == 0o600
    password = kept.read_text().strip()
    assert f"admin, password {password} " in first.banner
    first.stop()
    second = start("runserver", "--noreload")
    assert password not in second.banner
    assert str(kept) in second.banner


def test_after_a_kill_the_next_start_takes_over(start):
    killed = start("runserver", "--noreload")
    killed.stop(signal.SIGKILL)
    running = start("runserver", "--noreload")
    assert running.get("/admin/login/") == 200
    assert running.stop() == 0
    wait_until(lambda: running.children() == [])


def test_the_worker_leaves_when_the_gateway_is_killed(start):
    killed = start("runserver", "--noreload")
    killed.stop(signal.SIGKILL)
    database = Cluster(killed.state).pid()
    wait_until(lambda: killed.children() in ([], [database]))


def test_a_database_that_died_is_back_without_anybody_asking(start):
    running = start("runserver", "--noreload")
    killed = Cluster(running.state).pid()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: Cluster(running.state).pid() not in (None, killed))
    assert running.stop() == 0


def test_a_second_start_on_the_same_state_folder_is_refused(start):
    running = start("runserver", "--noreload")
    second = Started(running.state, "runserver", "--noreload")
    assert second.process.wait(30) != 0
    with pytest.raises(
        AssertionError, match=rf"PARLEY_STATE_DIR: a gateway \(pid {running.process.pid}\) already runs"
    ):
        second.wait_ready()
    assert running.get("/admin/login/") == 200


def test_two_copies_with_their_own_ports_and_state_run_side_by_side(start, state_folder):
    other = state_folder / "other"
    other.mkdir(mode=0o711)
    first, second = start("runserver", "--noreload"), start("runserver", "--noreload", state=other)
    assert first.get("/admin/login/") == second.get("/admin/login/") == 200
    assert second.stop() == 0
    assert first.get("/admin/login/") == 200
    assert first.stop() == 0


def test_with_the_reloader_the_children_go_with_the_parent(start):
    running = start("runserver")
    assert running.get("/admin/login/") == 200
    assert running.stop() == 0
    wait_until(lambda: running.children() == [])
    assert Cluster(running.state).pid() is None


def test_rungateway_serves_only_probes_over_http_and_drains_on_sigterm(start, state_folder):
    base = {"PATH": os.environ["PATH"], "PARLEY_STATE_DIR": str(state_folder)}
    subprocess.run([sys.executable, "manage.py", "bootstrap"], cwd=PROJECT, env=base, check=True, capture_output=True)
    running = start("rungateway")
    assert all(listens(port) for port in running.ports)
    assert running.get("/healthz") == 200
    assert running.get("/readyz") == 200
    assert running.get("/admin/login/") == 404
    assert running.stop() == 0
    assert running.children() == []
