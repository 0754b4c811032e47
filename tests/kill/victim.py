"""The gateway as a process, and its PostgreSQL: started, killed, asked for its records afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass, field

from gateway_project.postgres.cluster import Cluster
from tests.kill.ledger import Ledger, Outage
from tests.wire.running import Running

SETTINGS = {"GATEWAY_ANSWER_WAIT": "0.2", "GATEWAY_RING_TIMEOUT": "10", "LOG_LEVEL": "WARNING"}
"""A MESSAGE whose receiver is slow is to be answered 202 before its outcome, as a SEND is after 50 ms."""
DATABASE_BACK = 60.0
"""Seconds in which the gateway has to have its database back."""


@dataclass(slots=True)
class Records:
    """What the database says at the end."""

    by_state: dict[tuple[str, str], int] = field(default_factory=dict)
    """Rows by direction and state."""
    states: dict[bytes, list[str]] = field(default_factory=dict)
    """States of a message's rows by the SHA-256 of its body."""
    said: dict[bytes, list[str]] = field(default_factory=dict)
    """What those rows say, for the trace, but for those that say delivered."""
    sessions: dict[bytes, list[str]] = field(default_factory=dict)
    """Sessions of those rows."""
    events: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    """What happened in those sessions, by the steady clock."""

    @property
    def pending(self) -> int:
        """Messages that are owed still."""
        return sum(number for (_, state), number in self.by_state.items() if state == "pending")


class Victim:
    """One gateway with a state folder of its own."""

    def __init__(self) -> None:
        self._running = Running(**SETTINGS)
        self.sip = self._running.sip

    async def start(self) -> None:
        """Returns when it says that it is ready."""
        await asyncio.to_thread(self._running.start)

    async def kill(self, victim: str, ledger: Ledger) -> Outage:
        """SIGKILL, and wait until all is up again."""
        at = time.monotonic()
        if victim == "gateway":
            await asyncio.to_thread(self._running.kill)
            await self.start()
        else:
            await asyncio.to_thread(self._kill_database)
        outage = Outage(victim, at, time.monotonic())
        ledger.outages.append(outage)
        return outage

    def _kill_database(self) -> None:
        cluster = Cluster(self._running.state)
        pid = cluster.pid()
        assert pid is not None, "there is no database to kill"
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + DATABASE_BACK
        while not (cluster.ready() and cluster.pid() != pid):
            assert time.monotonic() < deadline, "the gateway did not start its database again"
            time.sleep(0.02)

    def pending(self) -> int:
        """Messages that the records say are owed."""
        (row,) = self._running.rows("SELECT count(*) AS n FROM sessions_app_messagerecord WHERE state = 'pending'")
        return int(row["n"])

    def records(self) -> Records:
        """All rows of messages."""
        found = Records()
        for row in self._running.rows(
            "SELECT direction, state, count(*) AS n FROM sessions_app_messagerecord GROUP BY direction, state"
        ):
            found.by_state[row["direction"], row["state"]] = row["n"]
        for row in self._running.rows("SELECT state, sha256 FROM sessions_app_messagerecord ORDER BY id"):
            found.states.setdefault(bytes(row["sha256"]), []).append(row["state"])
        for row in self._running.rows(
            "SELECT sha256, session_id::text AS session, state, sip_code, msrp_code, detail, confirmation,"
            " finished_at - received_at AS took"
            " FROM sessions_app_messagerecord WHERE state <> 'delivered' ORDER BY id"
        ):
            name, session = bytes(row.pop("sha256")), row.pop("session")
            said = " ".join(f"{column}={value}" for column, value in row.items() if value not in (None, ""))
            found.said.setdefault(name, []).append(said)
            found.sessions.setdefault(name, []).append(session)
        set_back = time.time() - time.monotonic()
        for row in self._running.rows(
            "SELECT session_id::text AS session, extract(epoch FROM at)::float AS at, kind, detail"
            " FROM sessions_app_sessionevent WHERE session_id IN"
            " (SELECT session_id FROM sessions_app_messagerecord WHERE state = 'failed')"
        ):
            what = f"{row['kind']} {row['detail']}".rstrip()
            found.events.setdefault(row["session"], []).append((row["at"] - set_back, what))
        return found

    @property
    def internal_errors(self) -> list[str]:
        """What it logged of bugs of its own."""
        return [line for line in self._running.output if "internal error" in line or "Traceback" in line]

    @property
    def output(self) -> list[str]:
        """All that it said."""
        return self._running.output

    def close(self) -> None:
        """Stop it and remove what it left."""
        self._running.close()
