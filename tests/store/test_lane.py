"""A lane of the writer is there as long as its process, whatever keeps a piece of its work from being done."""

from __future__ import annotations

import asyncio
import errno
import os

import psycopg
import pytest

from sessions_app.store import lane as lanes
from sessions_app.store.database import conninfo
from sessions_app.store.lane import Lane

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE = 20


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (psycopg.OperationalError("the connection is lost"), "the connection is lost"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "no file descriptor is left in this process"),
        (RuntimeError("a mistake of ours"), "a mistake of ours"),
    ],
)
def test_a_lane_outlives_whatever_keeps_it_from_its_work(
    trouble: Exception, said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lanes, "LONGEST_PAUSE", 0)
    info = conninfo()
    tries: list[bool] = []

    async def run() -> list[str]:
        finished: asyncio.Queue[str] = asyncio.Queue()

        def prepare(connection: psycopg.Connection) -> None:
            tries.append(lane.healthy)
            if len(tries) < 4:
                raise trouble

        lane = Lane("under test", info, prepare)
        lane.submit(lambda connection: connection.execute("SELECT 1"), lambda: finished.put_nowait("first"))
        lane.submit(lambda connection: connection.execute("SELECT 1"), lambda: finished.put_nowait("second"))
        done = [await asyncio.wait_for(finished.get(), DEADLINE) for _ in range(2)]
        assert lane.healthy
        lane.stop()
        return done

    assert asyncio.run(run()) == ["first", "second"]
    assert tries == [True, False, False, False]
    assert [said in record.message for record in caplog.records if record.levelname == "ERROR"] == [True]
