"""The state folder: secrets only their owner reads, and one gateway at a time."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway_project import state
from gateway_project.env import EnvError

HOLD_AND_WAIT = """
import sys
from pathlib import Path
from gateway_project.state import PidLock
PidLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "secret-key"
    secret, made = state.keep_secret(path)
    assert made
    assert len(secret) >= 50
    assert mode(path) == 0o600
    assert state.keep_secret(path) == (secret, False)
    assert os.listdir(tmp_path) == ["secret-key"]


def test_an_empty_secret_file_is_no_secret(tmp_path):
    path = tmp_path / "secret-key"
    path.touch()
    secret, made = state.keep_secret(path)
    assert made
    assert secret
    assert mode(path) == 0o600


def test_starters_at_the_same_time_agree_on_one_secret(tmp_path):
    found = []
    together = threading.Barrier(8)

    def start():
        together.wait()
        found.append(state.keep_secret(tmp_path / "secret-key"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({secret for secret, _ in found}) == 1
    assert [made for _, made in found].count(True) == 1


def test_a_folder_that_cannot_be_made_names_the_setting(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EnvError, match=r"^PARLEY_STATE_DIR: cannot make folder"):
        state.prepare(tmp_path / "file" / "state")


def test_the_pid_file_tells_whom_to_signal_and_goes_with_its_holder(tmp_path):
    lock = state.PidLock(tmp_path / "gateway.pid")
    lock.acquire()
    assert (tmp_path / "gateway.pid").read_text() == f"{os.getpid()}\n"
    lock.release()
    assert not (tmp_path / "gateway.pid").exists()


def test_a_second_gateway_on_a_live_folder_is_refused_with_the_first_ones_pid(tmp_path):
    with holder(tmp_path) as first, pytest.raises(EnvError) as fault:
        state.PidLock(tmp_path / "gateway.pid").acquire()
    assert str(fault.value) == (
        f"PARLEY_STATE_DIR: a gateway (pid {first.pid}) already runs on {tmp_path}, stop it or choose another folder"
    )


def test_the_pid_file_of_a_killed_gateway_is_taken_over(tmp_path):
    with holder(tmp_path) as first:
        first.kill()
        first.wait()
    assert (tmp_path / "gateway.pid").read_text() == f"{first.pid}\n"
    lock = state.PidLock(tmp_path / "gateway.pid")
    lock.acquire()
    assert (tmp_path / "gateway.pid").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_pid_file_whose_number_belongs_to_a_living_stranger_is_taken_over(tmp_path):
    (tmp_path / "gateway.pid").write_text("1\n")
    lock = state.PidLock(tmp_path / "gateway.pid")
    lock.acquire()
    lock.release()


def holder(folder: Path) -> subprocess.Popen:
    """A process that holds the folder until its stdin closes, which leaving the `with` does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_WAIT, str(folder / "gateway.pid")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    return process
