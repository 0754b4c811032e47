"""A gateway of any checkout as a process of its own, and what it takes: processor time and memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from gateway_project.postgres.cluster import Cluster

READY: Final = "Parley ready"
HOST: Final = "127.0.0.1"
TRUSTED: Final = "127.0.0.2/31"
"""The peers table: the good peer and one attacker."""
TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Databases:
    """One server for the whole bench; each trial has a database of its own, a copy of the one its checkout made."""

    def __init__(self) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="parley-hostile-"))
        self.state.chmod(0o711)  # root's server runs under another uid
        self._cluster = Cluster(self.state)
        self._made: dict[Path, str] = {}
        self._cluster.start()

    def url(self, name: str) -> str:
        """Of the database with this name."""
        return self._cluster.url.replace("@/parley?", f"@/{name}?")

    def copy_for(self, tree: Path, name: str) -> str:
        """The URL of a new database as the bootstrap of this checkout makes it, with the bench's peers."""
        if tree not in self._made:
            self._made[tree] = original = f"tree_{len(self._made)}"
            self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(original)))
            done = subprocess.run(  # noqa: S603 - a checkout that the user has named
                [python_of(tree), "manage.py", "bootstrap"],
                cwd=tree,
                env={**clean(self.state), "DATABASE_URL": self.url(original)},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"{tree}: bootstrap failed:\n{done.stderr}")
            with psycopg.connect(self.url(original)) as connection:
                connection.execute("DELETE FROM sessions_app_peer WHERE family(network::inet) = 6")
                connection.execute("UPDATE sessions_app_peer SET network = %s", [TRUSTED])
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._execute(command.format(sql.Identifier(name), sql.Identifier(self._made[tree])))
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove the database of a trial that is over."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, command: sql.Composed) -> None:
        with psycopg.connect(self._cluster.url, autocommit=True) as connection:
            connection.execute(command)

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self._cluster.stop()
        shutil.rmtree(self.state, ignore_errors=True)


def python_of(tree: Path) -> str:
    """The interpreter of a checkout's own environment, ours where it has none."""
    own = tree / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def clean(state: Path) -> dict[str, str]:
    """The environment of a gateway, without anything of ours."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PARLEY_STATE_DIR": str(state)}


class Victim:
    """One gateway. ``descriptors``: how many it may have, where that is the question."""

    def __init__(self, tree: Path, database: str, environment: dict[str, str], descriptors: int | None = None) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="parley-hostile-"))
        http, sip, msrp = _free_ports(3)
        self.http, self.sip, self.msrp = (HOST, http), (HOST, sip), (HOST, msrp)
        self._log = self.state / "output"
        """A file: a pipe that the bench reads too slowly would hold the gateway up, and count as the attack's doing."""
        command = [python_of(tree), "manage.py", "rungateway"]
        if descriptors is not None:
            command = ["/bin/sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *command]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - likewise
                command,
                cwd=tree,
                env={
                    **clean(self.state),
                    "DATABASE_URL": database,
                    "HTTP_LISTEN": f"{HOST}:{http}",
                    "SIP_LISTEN": f"udp:{HOST}:{sip},tcp:{HOST}:{sip}",
                    "MSRP_LISTEN": f"tcp:{HOST}:{msrp}",
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while READY not in self.output:
            if not self.alive or time.monotonic() > deadline:
                raise SystemExit("the gateway did not start:\n" + "\n".join(self.output))
            time.sleep(0.02)

    @property
    def output(self) -> list[str]:
        """The lines that it has logged so far."""
        return self._log.read_text(errors="replace").splitlines()

    def close(self) -> None:
        """End it at once: nothing of it is wanted any more."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self.state, ignore_errors=True)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def processor(self) -> float:
        """Seconds of processor time so far, of all its threads; NaN once it has ended, as are the sizes."""
        return processor_of(self.pid) if self.alive else float("nan")

    @property
    def resident(self) -> float:
        """Resident set in MB."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE / 1e6 if self.alive else float("nan")

    @property
    def peak(self) -> float:
        """Largest resident set in MB since :meth:`forget_peak`."""
        if not self.alive:
            return float("nan")
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6

    @property
    def dropped(self) -> int:
        """Datagrams that the kernel had no room for before the gateway read them."""
        own = f"{int.from_bytes(socket.inet_aton(self.sip[0]), 'little'):08X}:{self.sip[1]:04X}"
        rows = (line.split() for line in Path("/proc/net/udp").read_text().splitlines())
        return next((int(row[-1]) for row in rows if row[1] == own), 0)

    def forget_peak(self) -> None:
        """Measure the peak from here on (proc(5), clear_refs)."""
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")


def processor_of(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
