"""One database cluster in the state folder: made, started, found running, stopped. No counting of users here.

Layout, all owned by the server's account at mode 0700:
    postgres/data         the cluster
    postgres/run          the unix socket (in /tmp where the path would be too long for one)
    postgres/server.log   what the server says
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from gateway_project.env import EnvError
from gateway_project.postgres import binaries
from gateway_project.postgres.account import Account, server_account
from sessions_app import shortage

ROLE = "parley"
DATABASE = "parley"
PORT = 5432  # only a part of the socket's name: the server has no TCP listener

SOCKET_NAME_LIMIT = 103  # bytes; sun_path has 108 on Linux and 104 elsewhere, with the closing NUL
START_TIMEOUT = 60.0  # seconds; crash recovery replays at most max_wal_size
STOP_TIMEOUT = 30.0  # seconds for a fast shutdown with its checkpoint
ORPHAN_PATIENCE = 5.0  # seconds that backends get to notice their dead postmaster
POLL = 0.01  # seconds
LOOK_INTERVAL = 0.5  # seconds between two looks at all processes of the machine
STILL_PATIENCE = 10.0  # seconds in which no process of a server that starts does anything, until it is given up
LOG_LIMIT = 4 * 1024 * 1024  # bytes of server.log kept across a start

#: What differs from PostgreSQL's defaults. Durability is not traded: an acknowledged message is a committed one.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",  # every query here is short
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
}


class Cluster:
    """The cluster of one state folder. `state` must be an absolute, real path."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.home = state / "postgres"
        self.data = self.home / "data"
        self.log = self.home / "server.log"
        self.socket_folder = _socket_folder(self.home)
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For psql and other clients of the account that owns the state folder."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={self.socket_folder}"

    def pid(self) -> int | None:
        """The pid of the running server of this very data folder, or None."""
        lines = self._pid_file()
        if not lines:
            return None
        pid = int(lines[0]) if lines[0].isdigit() else 0
        # A pid may have been given to another process since; a server's working directory is its data folder.
        return pid if pid and _works_in(pid, self.data) else None

    def ready(self) -> bool:
        """Whether the server runs and takes connections."""
        lines = self._pid_file()
        return len(lines) >= 8 and lines[7].strip() == "ready" and self.pid() is not None

    def made(self) -> bool:
        """Whether there is a cluster in the state folder."""
        return self.data.exists()

    def refuse_to_make(self) -> None:
        """Raises EnvError: whoever only uses a database must not make an empty one where there is none."""
        raise EnvError(
            "PARLEY_STATE_DIR",
            f"there is no database in {self.state}: name the folder of the gateway that runs, or make one here by"
            " manage.py bootstrap",
        )

    def start(self) -> None:
        """Make the cluster if needed, start the server if needed and return once it takes connections.

        The caller holds the lock that keeps a second starter away. Raises EnvError with the reason as one line.
        """
        if not self.ready():
            account = server_account(self.data)
            self._make_folders(account)
            programs = binaries.bin_folder(account)
            if not self.data.exists():
                self._initdb(programs, account)
            if self.pid() is None:
                self._launch(programs, account)
            self._await_ready()
        self._ensure_database()

    def stop(self, *, hard: bool = False) -> None:
        """Fast shutdown: sessions are ended, everything committed is on disk. Returns when the server is gone.

        ``hard``: without a checkpoint, of a server that takes no connections.
        """
        pid = self.pid()
        if pid is None:
            return
        ways = ((signal.SIGINT, STOP_TIMEOUT), (signal.SIGQUIT, ORPHAN_PATIENCE), (signal.SIGKILL, 1.0))
        for how, patience in ways[1 if hard else 0 :]:
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                break
            if self._gone(pid, patience):
                break
        if self._server is not None:
            self._server.wait()
            self._server = None

    # -- making ---------------------------------------------------------------------------------------------------

    def _make_folders(self, account: Account) -> None:
        if not self.home.exists():
            if account.other and not account.may_enter(self.state):
                self._make_home_elsewhere(account)
            else:
                self.home.mkdir(mode=0o700)
                _give(self.home, account)
        elif account.other and not account.may_enter(self.home.resolve().parent):
            raise EnvError(
                "PARLEY_STATE_DIR", f"user {account.name!r} cannot enter {self.state}, move it back or elsewhere"
            )
        if not self.socket_folder.exists():
            self.socket_folder.mkdir(mode=0o700)
            _give(self.socket_folder, account)
        elif self.socket_folder.is_symlink() or self.socket_folder.stat().st_uid != account.uid:
            raise EnvError(
                "PARLEY_STATE_DIR", f"{self.socket_folder} belongs to another user, remove it or use a shorter path"
            )
        for folder in (self.home, self.socket_folder):
            if folder.stat().st_mode & 0o077:  # made by hand, or opened since
                folder.chmod(0o700)

    def _make_home_elsewhere(self, account: Account) -> None:
        """For root with a state folder under a private one such as /root: a link leads to where the server can go."""
        binaries.SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        elsewhere = Path(tempfile.mkdtemp(prefix="state-", dir=binaries.SYSTEM_FOLDER))
        _give(elsewhere, account)
        self.home.unlink(missing_ok=True)  # a link whose target was removed
        self.home.symlink_to(elsewhere)

    def _initdb(self, programs: Path, account: Account) -> None:
        # Made beside and renamed when complete: an initdb that was cut off leaves nothing that looks like a cluster.
        draft = self.home.resolve() / "data.new"
        if draft.exists():
            shutil.rmtree(draft)
        command = [str(programs / "initdb"), "-D", str(draft), "-U", ROLE, "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command += ["--auth=peer", "--no-instructions"]
        done = self._run(command, account)
        if done.returncode:
            raise EnvError("PARLEY_STATE_DIR", f"initdb failed in {draft}: {done.stderr.decode(errors='replace')}")
        draft.rename(self.data)

    def _ensure_database(self) -> None:
        """The database itself; after a crash between initdb and this, the next start makes it."""
        where = {"host": str(self.socket_folder), "port": PORT, "user": ROLE}
        try:
            with psycopg.connect(dbname="postgres", autocommit=True, connect_timeout=10, **where) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if not found:
                    connection.execute(f'CREATE DATABASE "{DATABASE}"')
        except psycopg.OperationalError as fault:
            raise EnvError(
                "PARLEY_STATE_DIR", f"cannot use the embedded PostgreSQL in {self.home}: {shortage.words(fault)}"
            ) from None

    # -- starting ------------------------------------------------------------------------------------------------

    def _launch(self, programs: Path, account: Account) -> None:
        self._clear_remains()
        self._write_access(account)
        command = [str(programs / "postgres"), "-D", str(self.data.resolve()), "-p", str(PORT)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        command += ["-c", f"unix_socket_directories={self.socket_folder.resolve()}"]
        with self._open_log(account) as log:
            # Its own session: Ctrl-C in the terminal is for the gateway, which then stops its server in good order.
            self._server = subprocess.Popen(  # noqa: S603 - the wheel's own program
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **_as(account)
            )

    def _await_ready(self) -> None:
        now = look_at = still_since = time.monotonic()
        deadline = now + START_TIMEOUT
        work: dict[int, float] = {}
        while not self.ready():
            if self._server is not None and self._server.poll() is not None:
                self._server = None
                raise self._not_started()
            now = time.monotonic()
            if now >= look_at:
                look_at = now + LOOK_INTERVAL
                before, work = work, self._work()
                if any(work.get(pid, done) != done for pid, done in before.items()):
                    still_since = now
                elif now - still_since > STILL_PATIENCE:
                    # Its recovery has failed, for want of room, say: its processes are gone, or wait for such.
                    self.stop(hard=True)
                    raise self._not_started()
            if now > deadline:
                raise EnvError(
                    "PARLEY_STATE_DIR",
                    f"the embedded PostgreSQL is not ready after {START_TIMEOUT:.0f} s, see {self.log}",
                )
            time.sleep(POLL)

    def _clear_remains(self) -> None:
        """After a hard stop: let orphaned backends go, then drop a pid file that no server stands behind."""
        deadline = time.monotonic() + ORPHAN_PATIENCE
        while orphans := list(_working_in(self.data)):
            if time.monotonic() > deadline:
                # Their postmaster is dead, so is their shared memory; only the write-ahead log counts now.
                for pid in orphans:
                    os.kill(pid, signal.SIGKILL)
                deadline += ORPHAN_PATIENCE
            time.sleep(POLL)
        # PostgreSQL would believe a recycled pid of the same user and refuse to start.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _write_access(self, account: Account) -> None:
        """Who may connect: the accounts of the server and of whoever started it, as the kernel names them."""
        names = {account.name, _own_name()}
        _write(self.data / "pg_hba.conf", "local all all peer map=parley\n", account)
        _write(self.data / "pg_ident.conf", "".join(f"parley {name} {ROLE}\n" for name in sorted(names)), account)

    def _open_log(self, account: Account) -> Any:
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        log = self.log.open("ab")
        self.log.chmod(0o600)
        _give(self.log, account)
        return log

    def _not_started(self) -> EnvError:
        return EnvError("PARLEY_STATE_DIR", f"the embedded PostgreSQL did not start: {self._last_words()}")

    def _last_words(self) -> str:
        """Why the server left: the last fault in its log, with what it says about it, on one line."""
        lines = self.log.read_text(errors="replace").splitlines()
        faults = [number for number, line in enumerate(lines) if "FATAL:" in line or "PANIC:" in line]
        if not faults:
            return f"see {self.log}"
        words = (line.partition("] ")[2] for line in lines[faults[-1] :])  # without time and pid
        return " ".join(word for word in words if word.startswith(("FATAL:", "PANIC:", "DETAIL:", "HINT:")))

    # -- looking -------------------------------------------------------------------------------------------------

    def _pid_file(self) -> list[str]:
        """Its lines, none where there is no such file. One that cannot be read for another reason is no sign of death:
        who takes it for that starts a second server and ends the first one's processes. Raises OSError."""
        try:
            return (self.data / "postmaster.pid").read_text(errors="replace").splitlines()
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return []

    def _work(self) -> dict[int, float]:
        """What each process of the server has done so far, less the first one, which only answers; by pid."""
        server = self.pid()
        return {pid: _work_of(pid) for pid in _working_in(self.data) if pid != server}

    def _gone(self, pid: int, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self._server is not None:
                self._server.poll()  # reap, or the pid would stay
            if not _works_in(pid, self.data):
                return True
            time.sleep(POLL)
        return False

    def _run(self, command: Sequence[str], account: Account) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, **_as(account))  # noqa: S603


def _socket_folder(home: Path) -> Path:
    folder = home / "run"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= SOCKET_NAME_LIMIT:
        return folder
    mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path("/tmp") / f"parley-{mark}"  # noqa: S108 - its owner is checked before use


def _as(account: Account) -> dict[str, Any]:
    """Arguments of subprocess that make the child run as `account`, in a neutral folder and environment."""
    how: dict[str, Any] = {"cwd": "/", "umask": 0o077, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}}
    if account.other:
        how |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return how


def _give(path: Path, account: Account) -> None:
    if account.other:
        os.chown(path, account.uid, account.gid)


def _write(path: Path, text: str, account: Account) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    _give(path, account)


def _own_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _works_in(pid: int, folder: Path) -> bool:
    """Whether process `pid` lives (a zombie does not) with `folder` as its working directory."""
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", folder)
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError, PermissionError):
        return False


def _work_of(pid: int) -> float:
    """A figure that grows while a process does something: its time on a processor, or the time where a disk works."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return time.monotonic() if state == "D" else float(fields[10]) + float(fields[11])


def _working_in(folder: Path) -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid() and _works_in(int(name), folder):
            yield int(name)
