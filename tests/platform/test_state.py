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


@pytest.mark.parametrize("before", [0o777, 0o755, 0o770, 0o733, 0o750, 0o722])
@pytest.mark.parametrize("contents", [[], ["secret-key"], ["postgres", "something else"]], ids=len)
def test_a_folder_that_is_open_to_others_is_closed_and_that_is_said(tmp_path, capsys, before, contents):
    folder = tmp_path / "state"
    folder.mkdir()
    for name in contents:
        (folder / name).touch()
    folder.chmod(before)
    assert state.prepare(folder) == folder
    assert mode(folder) == before & (0o711 if os.geteuid() == 0 else 0o700)
    assert f"was open to other users (mode {before:o})" in capsys.readouterr().err
    state.prepare(folder)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("before", [0o777, 0o1777, 0o733])
def test_a_folder_that_others_use_too_is_no_place_for_secrets_and_keeps_its_mode(tmp_path, before):
    (tmp_path / "of somebody else").touch()
    tmp_path.chmod(before)
    with pytest.raises(EnvError, match=r"^PARLEY_STATE_DIR: any user may write to .* choose a folder of its own"):
        state.prepare(tmp_path)
    assert mode(tmp_path) == before


def test_not_even_where_a_gateway_has_lived_in_it(tmp_path):
    (tmp_path / "secret-key").touch()
    tmp_path.chmod(0o1777)
    with pytest.raises(EnvError, match=r"choose a folder of its own"):
        state.prepare(tmp_path)
    assert mode(tmp_path) == 0o1777


def test_a_folder_that_others_may_look_into_but_not_write_to_is_theirs_to_keep(tmp_path):
    (tmp_path / "of somebody else").touch()
    tmp_path.chmod(0o755)
    state.prepare(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_folder_in_it_is_closed_whatever_is_in_there(tmp_path):
    folder = tmp_path / "broker" / "tasks"
    folder.mkdir(parents=True, mode=0o777)
    (folder / "task").touch()
    folder.chmod(0o777)
    state.private_folder(folder)
    assert mode(folder) == 0o700


@pytest.mark.parametrize("before", [0o644, 0o640, 0o666, 0o604])
def test_a_secret_that_others_could_read_is_closed_and_that_is_said(tmp_path, capsys, before):
    path = tmp_path / "secret-key"
    path.write_text("known\n")
    path.chmod(before)
    assert state.keep_secret(path) == ("known", False)
    assert mode(path) == 0o600
    assert f"other users could read {path} (mode {before:o})" in capsys.readouterr().err
    state.keep_secret(path)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_secret_that_a_stranger_has_put_there_is_not_taken(tmp_path):
    path = tmp_path / "secret-key"
    path.write_text("his own\n")
    os.chown(path, 12345, 12345)
    with pytest.raises(EnvError, match=r"belongs to another user \(uid 12345\), remove it"):
        state.keep_secret(path)
    os.chown(tmp_path, 12345, 12345)
    assert state.keep_secret(path) == ("his own", False)  # the folder's owner, for whom root does something


def test_a_secret_that_is_no_text_is_one_line(tmp_path):
    (tmp_path / "secret-key").write_bytes(b"\xff\xfe")
    with pytest.raises(EnvError, match=r"is no text, remove it"):
        state.keep_secret(tmp_path / "secret-key")


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
