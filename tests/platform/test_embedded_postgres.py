"""The embedded PostgreSQL: made, shared, killed, found again, stopped."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time

import psycopg
import pytest

from gateway_project.env import EnvError
from gateway_project.postgres.cluster import DATABASE, ROLE, SOCKET_NAME_LIMIT, Cluster
from gateway_project.postgres.share import Share

USE_AND_WAIT = """
import sys
from pathlib import Path
from gateway_project.postgres.share import share_of
share_of(Path(sys.argv[1])).ensure()
print("in use", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def share(state_folder):
    share = Share(state_folder)
    yield share
    share.release()


def query(cluster, sql):
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        found = connection.execute(sql)
        return found.fetchone() if found.description else None


def user_of(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", USE_AND_WAIT, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"in use\n"
    return process


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def test_it_starts_on_first_use_and_stops_with_its_last_user(share):
    cluster = share.ensure()
    assert query(cluster, "SELECT current_database(), current_user") == (DATABASE, ROLE)
    pid = cluster.pid()
    assert pid is not None
    share.release()
    assert cluster.pid() is None
    assert not os.path.exists(f"/proc/{pid}")


def test_it_listens_on_a_unix_socket_only(share):
    cluster = share.ensure()
    assert query(cluster, "SHOW listen_addresses") == ("",)
    assert stat.S_IMODE(cluster.home.stat().st_mode) == 0o700
    assert stat.S_IMODE((cluster.home / "server.log").stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to give it")
def test_root_runs_it_under_an_unprivileged_account(share):
    pid = share.ensure().pid()
    assert os.stat(f"/proc/{pid}").st_uid != 0


def test_it_does_not_trade_durability_for_speed(share):
    cluster = share.ensure()
    for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert query(cluster, f"SHOW {name}") == ("on",)


def test_a_second_process_uses_the_running_one_and_the_last_to_leave_stops_it(share, state_folder):
    cluster = share.ensure()
    pid = cluster.pid()
    with user_of(state_folder) as second:
        assert cluster.pid() == pid
        share.release()
        assert cluster.pid() == pid
        second.stdin.close()
    wait_until(lambda: cluster.pid() is None)


def test_starters_at_the_same_time_get_one_server(state_folder):
    users = [
        subprocess.Popen(
            [sys.executable, "-c", USE_AND_WAIT, str(state_folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    assert [user.stdout.readline() for user in users] == [b"in use\n"] * 4
    assert query(Cluster(state_folder), "SELECT 1") == (1,)
    for user in users:
        with user:
            user.stdin.close()
    assert Cluster(state_folder).pid() is None


def test_a_server_left_by_a_killed_process_is_used_again_and_stopped_in_the_end(share, state_folder):
    with user_of(state_folder) as first:
        first.kill()
    left = Cluster(state_folder).pid()
    assert left is not None
    assert share.ensure().pid() == left
    share.release()
    assert share.cluster.pid() is None


def test_what_was_committed_is_there_after_the_server_was_killed(share):
    cluster = share.ensure()
    query(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")
    killed = cluster.pid()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: cluster.pid() is None)
    assert share.ensure().pid() != killed
    assert query(cluster, "SELECT answer FROM kept") == (42,)


def test_a_pid_file_whose_number_belongs_to_another_process_now_does_not_hinder_a_start(share, state_folder):
    share.ensure()
    share.release()
    cluster = Cluster(state_folder)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (cluster.data / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster.data}\n0\n5432\n\n\n\nready\n")
        assert cluster.pid() is None
        assert query(share.ensure(), "SELECT 1") == (1,)
        assert stranger.poll() is None
        stranger.stdin.close()


def test_an_initdb_that_was_cut_off_is_begun_again(share):
    draft = share.cluster.home / "data.new"
    share.ensure()
    share.release()
    share.cluster.data.rename(draft)
    (draft / "PG_VERSION").unlink()
    assert query(share.ensure(), "SELECT 1") == (1,)
    assert not draft.exists()


def test_a_path_too_long_for_a_socket_gets_one_elsewhere(state_folder):
    state = state_folder / ("long-" * 20)
    state.mkdir(mode=0o711)
    share = Share(state)
    try:
        cluster = share.ensure()
        assert len(os.fsencode(cluster.socket_folder / ".s.PGSQL.5432")) <= SOCKET_NAME_LIMIT
        assert stat.S_IMODE(cluster.socket_folder.stat().st_mode) == 0o700
        assert query(cluster, "SELECT 1") == (1,)
    finally:
        share.release()
        share.cluster.socket_folder.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs under an account that a folder may shut out")
def test_a_state_folder_under_a_private_home_keeps_the_data_where_the_server_can_go(state_folder):
    home = state_folder / "home"
    home.mkdir(mode=0o700)
    state = home / "state"
    state.mkdir()
    share = Share(state)
    try:
        assert query(share.ensure(), "SELECT 1") == (1,)
        assert share.cluster.home.is_symlink()
        elsewhere = share.cluster.home.resolve()
        assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    finally:
        share.release()
    shutil.rmtree(elsewhere)


def test_a_start_that_fails_says_why_in_one_line(share):
    share.ensure()
    share.release()
    version = share.cluster.data / "PG_VERSION"
    version.write_text("9.6\n")
    with pytest.raises(EnvError, match=r"^PARLEY_STATE_DIR: the embedded PostgreSQL did not start: .*version") as fault:
        share.ensure()
    assert "\n" not in str(fault.value)
    version.write_text("18\n")


def test_a_kept_server_is_started_again_though_the_disk_refuses_it_at_first(share, caplog):
    """The file system says no (a full disk, for one); whoever looks after the server goes on looking."""
    share.keep_running()
    access = share.cluster.data / "pg_hba.conf"
    access.unlink()
    access.mkdir()
    os.kill(share.cluster.pid(), signal.SIGKILL)
    wait_until(lambda: "did not start" in caplog.text)
    access.rmdir()
    wait_until(share.cluster.ready)
    assert query(share.cluster, "SELECT 1") == (1,)


def test_folders_of_the_server_that_were_opened_are_closed(state_folder):
    cluster = Cluster(state_folder)
    cluster.start()
    cluster.stop()
    for folder in (cluster.home, cluster.socket_folder):
        folder.chmod(0o777)
    cluster.start()
    cluster.stop()
    assert {folder.stat().st_mode & 0o777 for folder in (cluster.home, cluster.socket_folder)} == {0o700}


class TestAServerThatDoesNotBecomeReady:
    """Its first process is there and its recovery does nothing, or goes on."""

    @pytest.fixture
    def cluster(self, state_folder, monkeypatch):
        for name, seconds in {"LOOK_INTERVAL": 0.05, "STILL_PATIENCE": 0.5, "START_TIMEOUT": 2.0}.items():
            monkeypatch.setattr(f"gateway_project.postgres.cluster.{name}", seconds)
        cluster = Cluster(state_folder)
        cluster.data.mkdir(parents=True)
        cluster.log.write_text("2026-11-28 10:00:00 UTC [7] FATAL:  could not write: No space left on device\n")
        return cluster

    @pytest.fixture
    def works(self, cluster):
        """`works(code)`: a process in the data folder; the first one is the server."""
        made = []

        def start(code):
            made.append(subprocess.Popen([sys.executable, "-c", code], cwd=cluster.data))
            if len(made) == 1:
                (cluster.data / "postmaster.pid").write_text(f"{made[0].pid}\n")
                cluster._server = made[0]
            return made[-1]

        yield start
        for process in made:
            process.kill()
            process.wait()

    @pytest.mark.parametrize("recovery", ["", "import time; time.sleep(60)"], ids=["gone", "still"])
    def test_is_given_up_where_nothing_of_it_works(self, cluster, works, recovery):
        server = works("import time\nwhile True: time.sleep(0.01)")
        if recovery:
            works(recovery)
        with pytest.raises(EnvError, match=r"did not start: FATAL: .*No space left on device"):
            cluster._await_ready()
        assert server.poll() is not None, "so that the next start makes a new one"

    def test_is_waited_for_while_it_works(self, cluster, works):
        server = works("import time; time.sleep(60)")
        works("while True: pass")
        with pytest.raises(EnvError, match="not ready after 2 s"):
            cluster._await_ready()
        assert server.poll() is None
