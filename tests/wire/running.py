"""A gateway as a process of its own, `manage.py rungateway` on free ports, and its database as the tests look at it."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from gateway_project.postgres.cluster import Cluster

PROJECT = Path(__file__).resolve().parents[2]
READY = "Parley ready"
HOST = "127.0.0.1"


class Running:
    """One gateway with a state folder of its own. `environment` are its settings beside ports and folder.

    `state` is that folder where it must be a certain one; else it is made, and either way removed at the end.
    """

    command = ("rungateway",)

    def __init__(self, *, state=None, **environment):
        self.state = state or Path(tempfile.mkdtemp(prefix="parley-wire-"))
        self.state.chmod(0o711)  # root's embedded server runs under another uid
        http, self.sip_port, self.msrp_port, sips_port = _free_ports()
        self.address = f"http://{HOST}:{http}"
        self.sip = (HOST, self.sip_port)
        self.sips = (HOST, sips_port)
        self.msrp = (HOST, self.msrp_port)
        secure = f",tls:{HOST}:{sips_port}" if "SIP_TLS_CERTIFICATE" in environment else ""
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "PARLEY_STATE_DIR": str(self.state),
            "HTTP_LISTEN": f"{HOST}:{http}",
            "SIP_LISTEN": f"udp:{HOST}:{self.sip_port},tcp:{HOST}:{self.sip_port}{secure}",
            "MSRP_LISTEN": f"tcp:{HOST}:{self.msrp_port}",
            **environment,
        }
        self.output = []
        self._process = None
        self._database = None
        done = self.manage("bootstrap")
        assert done.returncode == 0, done.stderr

    # -- the process ---------------------------------------------------------------------------------------------

    def start(self):
        """Returns when it says that it is ready."""
        said = queue.Queue()
        self._process = process = subprocess.Popen(
            [sys.executable, "manage.py", *self.command],
            cwd=PROJECT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

        def read():
            with process.stdout as output:
                for line in output:
                    self.output.append(line.rstrip("\n"))
                    said.put(self.output[-1])
            said.put(None)

        threading.Thread(target=read, daemon=True).start()
        deadline = time.monotonic() + 30
        while True:
            line = said.get(timeout=max(0.01, deadline - time.monotonic()))
            assert line is not None, "\n".join(self.output)
            if line == READY:
                return self

    def stop(self):
        """SIGTERM; its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def kill(self):
        """SIGKILL: no time for any good-bye."""
        self._process.kill()
        self._process.wait(30)

    def manage(self, *command, code=None):
        """Run another management command in the gateway's environment; `code` goes to its standard input."""
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=PROJECT,
            env=self._environment,
            input=code,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def manage_on(self, *command):
        """Start another management command and let it run; its output is read as it comes."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=PROJECT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def close(self):
        """Stop it and remove what it left."""
        if self._database is not None:
            self._database.close()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        Cluster(self.state).stop()
        shutil.rmtree(self.state, ignore_errors=True)

    @property
    def complaints(self):
        """What it logged as an error: a test run leaves none."""
        return [line for line in self.output if "ERROR" in line or "Traceback" in line or "internal error" in line]

    # -- its database --------------------------------------------------------------------------------------------

    @property
    def database(self):
        """A connection, each statement a transaction."""
        if self._database is not None:
            with contextlib.suppress(psycopg.Error):
                self._database.execute("SELECT 1")
                return self._database
        self._database = psycopg.connect(Cluster(self.state).url, autocommit=True, row_factory=dict_row)
        return self._database

    def rows(self, query, *values):
        """All rows, now."""
        return self.database.execute(query, values).fetchall()

    def execute(self, query, *values):
        """A change, as an operator's SQL prompt makes it."""
        self.database.execute(query, values)

    def wait_for_rows(self, query, *values, count=1, within=5.0):
        """The rows once there are `count` of them: the audit follows the wire by a moment."""
        deadline = time.monotonic() + within
        while True:
            found = self.rows(query, *values)
            if len(found) >= count or time.monotonic() > deadline:
                assert len(found) == count, f"{query} {values}: {found}"
                return found
            time.sleep(0.02)

    def message_row(self, call_id, **wanted):
        """The record of the message with this Call-ID, once it has the `wanted` values."""
        clause = "".join(f" AND {name} = %s" for name in wanted)
        (row,) = self.wait_for_rows(
            f"SELECT * FROM sessions_app_messagerecord WHERE call_id = %s{clause}", call_id, *wanted.values()
        )
        return row

    def session_row(self, call_id, **wanted):
        """The record of the session whose INVITE has this Call-ID, once it has the `wanted` values."""
        clause = "".join(f" AND {name} = %s" for name in wanted)
        (row,) = self.wait_for_rows(
            f"SELECT * FROM sessions_app_gatewaysession WHERE call_id = %s{clause}", call_id, *wanted.values()
        )
        return row

    def failure_row(self, from_uri):
        """The one set-up failure of this sender."""
        (row,) = self.wait_for_rows("SELECT * FROM sessions_app_setupfailure WHERE from_uri = %s", from_uri)
        return row

    # -- its routes ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def route(self, **values):
        """One more route in the table, made as an SQL prompt makes it and asked first; gone at the end."""
        columns = {
            "id": uuid.uuid4(),
            "name": f"of a test {uuid.uuid4()}",
            "priority": 1,
            "enabled": True,
            "method": "MESSAGE",
            "source_network": "",
            "from_pattern": "",
            "to_pattern": "",
            "ruri_pattern": "",
            "action": "msg_to_msrp",
            "reject_code": 403,
            "reject_reason": "Forbidden",
            "key_template": "{pair}",
            "content_types": "text/plain",
            "from_template": "{from}",
            "to_template": "{to}",
            "ruri_template": "{ruri}",
            "next_hop": "",
            "back_hop": "",
            "notify_failure": False,
            "failure_template": "",
            "updated_at": datetime.now(UTC),
            **values,
        }
        self.change_routes(
            f"INSERT INTO sessions_app_route ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",
            *columns.values(),
        )
        try:
            yield
        finally:
            self.change_routes("DELETE FROM sessions_app_route WHERE id = %s", columns["id"])

    def change_routes(self, query, *values):
        """A change of routes or peers, which the running gateway takes up at once."""
        before = self.reloads
        self.execute(query, *values)
        deadline = time.monotonic() + 20
        while self.reloads == before:
            assert time.monotonic() < deadline, "the gateway did not read the routes again"
            time.sleep(0.01)

    @property
    def reloads(self):
        """How often it has read them again."""
        return sum("routes reloaded" in line for line in list(self.output))


def _free_ports():
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(4)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
