"""The broker in files: a file that is no task ends nobody, whatever it is, and every task is read once and whole."""

from __future__ import annotations

import base64
import errno
import json
import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection, Exchange, Queue
from kombu.exceptions import ChannelError

from gateway_project import broker
from tests.platform.test_run import PROJECT, start, wait_until  # noqa: F401 - a fixture
from tests.platform.test_shortage import NONE_LEFT, nothing_left, told

QUEUE = Queue("celery", Exchange("celery", type="direct"), routing_key="celery")
TAG = {"delivery_info": {"exchange": "celery", "routing_key": "celery"}, "delivery_tag": "t", "body_encoding": "base64"}
WHOLE = {
    "body": base64.b64encode(b"[[], {}, {}]").decode(),
    "content-type": "application/json",
    "content-encoding": "utf-8",
    "headers": {"task": "no.such.task", "id": "1", "lang": "py"},
    "properties": TAG,
}


def changed(**values):
    return json.dumps(WHOLE | values).encode()


JUNK = {
    "empty": b"",
    "truncated": json.dumps(WHOLE).encode()[:-20],
    "one octet": b"{",
    "octets": bytes(range(256)),
    "another value": b"7",
    "a list": b"[]",
    "an empty object": b"{}",
    "nested": b"[" * 100_000,
    "a huge number": b"1" * 5000,
    "no properties": changed(properties=None),
    "no tag": changed(properties={"delivery_info": {}}),
    "a tag that is none": changed(properties=TAG | {"delivery_tag": []}),
    "no way": changed(properties=TAG | {"delivery_info": 7}),
    "an encoding that is none": changed(properties=TAG | {"body_encoding": "rot13"}),
    "a type of kombu's that is none": changed(headers={"__type__": "datetime", "__value__": "never"}),
    "too long": b" " * (broker.LONGEST + 1),
}
ODD = {
    "content that is no content": changed(body=base64.b64encode(b"\xff\xfe").decode()),
    "content of another type": changed(**{"content-type": "application/x-python-serialize"}),
    "content of no type": changed(**{"content-type": None, "content-encoding": "nonsense"}),
    "an unknown task": json.dumps(WHOLE).encode(),
    "no headers": changed(headers=None),
    "a body that is no base64": changed(body="é"),
    "headers of nothing": changed(headers={}),
    "a body that is no call": changed(body=base64.b64encode(b"7").decode()),
}
"""What kombu makes a message of and Celery itself refuses."""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tasks"


@pytest.fixture
def channel(tmp_path, folder):
    """A channel with the queue that Celery has."""
    options = {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(tmp_path / "control"),
    }
    connection = Connection("filesystem://", transport="gateway_project.broker:Transport", transport_options=options)
    channel = connection.channel()
    QUEUE(channel).declare()
    yield channel
    connection.close()


def put(channel, number):
    channel.basic_publish(
        channel.prepare_message(str(number), headers={"n": number}), exchange="celery", routing_key="celery"
    )


def number_of(channel):
    return channel._get("celery")["headers"]["n"]


def everything(channel):
    found = []
    try:
        while True:
            found.append(number_of(channel))
    except Empty:
        return found


def drop(folder, name, content):
    folder.mkdir(exist_ok=True)
    (folder / f"0_{name.replace(' ', '-')}.celery.msg").write_bytes(content)


def test_tasks_come_once_and_in_their_order(channel, folder):
    for number in range(20):
        put(channel, number)
        time.sleep(0.001)  # names are by milliseconds
    assert channel._size("celery") == 20
    assert everything(channel) == list(range(20))
    assert os.listdir(folder) == []


@pytest.mark.parametrize("name", JUNK)
def test_a_file_that_is_no_task_is_set_aside_and_said_once_and_the_next_one_comes(channel, folder, caplog, name):
    drop(folder, name, JUNK[name])
    put(channel, 1)
    with caplog.at_level(logging.INFO):
        assert everything(channel) == [1]
        assert everything(channel) == []
    (record,) = caplog.records
    kept = Path(record.file)
    assert (kept.parent, kept.read_bytes()) == (folder.with_name("bad"), JUNK[name])
    assert record.reason
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("make", ["folder", "full folder", "pipe", "link", "dead link", "unreadable"])
def test_what_is_no_file_of_ours_is_set_aside_too(channel, folder, make, tmp_path):
    folder.mkdir(exist_ok=True)
    path = folder / "0_x.celery.msg"
    if make.endswith("folder"):
        path.mkdir()
        if make.startswith("full"):
            (path / "x").touch()
    elif make == "pipe":
        os.mkfifo(path)
    elif make.endswith("link"):
        (tmp_path / "secret").write_bytes(json.dumps(WHOLE).encode())
        path.symlink_to(tmp_path / ("secret" if make == "link" else "nothing"))
    else:
        path.write_bytes(b"{")
        path.chmod(0)
    put(channel, 1)
    assert everything(channel) == [1]
    assert os.listdir(folder) == []
    assert [each.name for each in folder.with_name("bad").iterdir()] == [path.name]


def test_of_what_was_set_aside_the_newest_are_kept(channel, folder):
    for number in range(broker.MOST_BAD + 10):
        drop(folder, f"{number:04}", b"")
    assert everything(channel) == []
    kept = sorted(each.name for each in folder.with_name("bad").iterdir())
    assert len(kept) == broker.MOST_BAD
    assert kept[-1].startswith(f"0_{broker.MOST_BAD + 9:04}")


def test_a_folder_that_is_gone_is_made_again(channel, folder):
    shutil.rmtree(folder, ignore_errors=True)
    assert everything(channel) == []
    assert channel._size("celery") == 0
    shutil.rmtree(folder)
    put(channel, 1)
    assert everything(channel) == [1]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"[" * 100_000, b"null", None], ids=lambda each: str(each)[:9])
def test_a_list_of_queues_that_is_none_loses_no_task(channel, tmp_path, content):
    path = tmp_path / "control" / "celery.exchange"
    path.parent.mkdir(exist_ok=True)
    if content is None:
        shutil.rmtree(path.parent)
    else:
        path.write_bytes(content)
    put(channel, 1)
    assert everything(channel) == [1]
    channel._queue_bind("celery", "celery", "", "celery")
    assert json.loads(path.read_bytes()) == [["celery", "", "celery"]]


def test_a_task_that_is_being_written_is_not_seen(channel, folder, monkeypatch):
    seen = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda draft, path: (seen.extend(everything(channel)), replace(draft, path)))
    put(channel, 1)
    assert seen == []
    assert everything(channel) == [1]


class TestWhereNothingCanBeDone:
    def test_without_descriptors_no_file_is_to_blame_and_that_is_said_once(self, channel, folder, caplog):
        put(channel, 1)
        with caplog.at_level(logging.INFO):
            with nothing_left():
                for _ in range(3):
                    with pytest.raises(Empty):
                        channel._get("celery")
                with pytest.raises(ChannelError, match=NONE_LEFT):
                    put(channel, 2)
            assert everything(channel) == [1]
        assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
            f"tasks cannot be read from {folder}: {NONE_LEFT}",
            "tasks are read again",
        ]

    def test_without_room_a_task_is_refused_and_nothing_half_is_left(self, channel, folder, monkeypatch):
        write = os.fdopen

        class Full:
            def __init__(self, *arguments, **options):
                self.file = write(*arguments, **options)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self.file.close()

            def write(self, text):
                self.file.write(text[:10])
                raise OSError(errno.ENOSPC, "No space left on device")

        put(channel, 1)
        monkeypatch.setattr(broker.os, "fdopen", Full)
        with pytest.raises(ChannelError, match="No space left on device"):
            put(channel, 2)
        monkeypatch.undo()
        assert len(os.listdir(folder)) == 1
        assert everything(channel) == [1]

    @pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounting needs root")
    def test_on_a_full_disk_what_is_there_is_read_and_there_is_room_again(self, channel, folder):
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", folder], check=False)
        if done.returncode:
            pytest.skip("this machine does not let root mount")
        try:
            sent = fill(channel)
            assert sent > 0
            assert everything(channel) == list(range(sent))
            (folder / "0_x.celery.msg").write_bytes(b"{")
            put(channel, 99)
            assert everything(channel) == [99]
            assert os.listdir(folder) == []
        finally:
            subprocess.run(["umount", folder], check=True)


def fill(channel):
    """Put tasks there until one is refused; how many there are."""
    for number in range(1000):
        try:
            put(channel, number)
        except ChannelError:
            return number
        time.sleep(0.001)
    raise AssertionError("there is always room")


def test_the_worker_lives_whatever_is_in_its_folder(start):  # noqa: F811
    running = start("runserver", "--noreload", GATEWAY_CLEANUP_INTERVAL="1")
    tasks = running.state / "broker" / "tasks"
    (worker,) = workers(running)
    for name, content in {**JUNK, **ODD}.items():
        drop(tasks, name, content)
    os.mkfifo(tasks / "0_pipe.celery.msg")
    (tasks / "0_folder.celery.msg").mkdir()
    (running.state / "broker" / "control" / "celery.exchange").write_bytes(b"")
    wait_until(lambda: not [name for name in os.listdir(tasks) if name.startswith("0_")], seconds=30)
    assert len(os.listdir(tasks.with_name("bad"))) == len(JUNK) + 2
    shutil.rmtree(tasks)
    sent(running, 1)
    wait_until(lambda: tasks.is_dir() and not list(tasks.glob("*.msg")))
    assert workers(running) == [worker]
    lines = told(running)
    assert sum("a task that is none was set aside" in line for line in lines) == len(JUNK) + 2
    assert not any("Unrecoverable" in line or "worker died" in line for line in lines)
    assert running.stop(signal.SIGTERM) == 0


def sent(running, number):
    """A task from another process, as a page or an operator's shell sends it."""
    code = "from sessions_app.tasks import deliver_webhooks; deliver_webhooks.delay()"
    for _ in range(number):
        subprocess.run(
            [sys.executable, "manage.py", "shell", "-c", code],
            cwd=PROJECT,
            env=running.base,
            check=True,
            capture_output=True,
        )


def workers(running):
    """Pids of the Celery workers that a gateway has, without their beat."""
    found = []
    for pid in running.children():
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        if b"celery" in words and int(parent) == running.process.pid:
            found.append(pid)
    return found
