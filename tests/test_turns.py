"""Turns of the event loop: nobody waits longer than a round of the hosts, and who is alone does not wait at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from protocols.turns import A_TURN, Turns


class Guest:
    """Lines up again as often as it is told."""

    def __init__(self, turns: Turns, host: str, events: int, note: Callable[[str], None]) -> None:
        self.turns, self.host, self.left, self.note = turns, host, events, note

    def line_up(self) -> None:
        self.turns.line_up(self, self.host)

    def go(self) -> None:
        self.note(self.host)
        self.left -= 1
        if self.left:
            self.line_up()


def test_who_is_alone_goes_at_once():
    async def alone() -> None:
        went: list[str] = []
        Guest(Turns(asyncio.get_running_loop().call_soon), "a", 1, went.append).line_up()
        assert went == ["a"]

    asyncio.run(alone())


def test_a_turn_of_the_loop_serves_a_few_and_then_everything_else_has_its_turn():
    async def crowd() -> None:
        went: list[str] = []
        turns = Turns(asyncio.get_running_loop().call_soon)
        for number in range(100):
            Guest(turns, str(number), 5, went.append).line_up()
        served = []
        while len(went) < 500:
            before = len(went)
            await asyncio.sleep(0)
            served.append(len(went) - before)
        assert max(served) <= A_TURN

    asyncio.run(crowd())


def test_who_comes_to_a_crowd_of_one_host_waits_for_one_of_it():
    async def crowd() -> None:
        went: list[str] = []
        turns = Turns(asyncio.get_running_loop().call_soon)
        for _ in range(200):
            Guest(turns, "flood", 1000, went.append).line_up()
        await asyncio.sleep(0)
        before = len(went)
        Guest(turns, "good", 1, went.append).line_up()
        while "good" not in went:
            await asyncio.sleep(0)
        assert went.index("good") - before <= 2

    asyncio.run(crowd())
