"""What every wire of the gateway carried, read as an outsider reads it and put to the messages that it was about.

It knows no more of the gateway than its addresses. Its halves are :mod:`sip_wire` and :mod:`msrp_wire`; the rules
(:mod:`invariants`) are told as it happens.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tests.simulation import contents
from tests.simulation.contents import OURS
from tests.simulation.msrp_wire import MsrpWire
from tests.simulation.sip_wire import SipWire
from tests.simulation.words import Copy, Talk, Word
from tests.simulation.world import Address, World

if TYPE_CHECKING:
    from tests.simulation.invariants import Invariants

FELT: Final = 1.0
"""Seconds in which what has ended is still felt: the database is tried again twice a second."""


class Ledger:
    """``judge`` is set before anything happens. ``peers`` are the hosts that the gateway knows."""

    judge: Invariants

    def __init__(self, world: World, peers: frozenset[str]) -> None:
        self.world = world
        self.peers = peers
        self.process = 0
        """Which process of the gateway it is, from 1."""
        self.words: dict[int, Word] = {}
        self.talks: dict[frozenset[str], Talk] = {}
        self.sip = SipWire(self)
        self.msrp = MsrpWire(self)
        self.session_ids: dict[str, Talk] = {}
        """Conversations by the session-ids in the gateway's paths."""
        self.own_imdn_ids: list[str] = []
        """IMDN Message-IDs of the gateway's own that went out: what a hostile end could have seen."""
        self.wordless: Counter[Address] = Counter()
        """Messages in contents of no meaning that were acknowledged, by their sender."""
        self.notices: dict[Address, dict[tuple[str, ...], int]] = {}
        """Those to an address by their names: how many messages each tells of."""
        """Notices in words to an address, by their names."""
        self.troubles: list[tuple[float, str]] = []
        """What happened to the gateway as a whole: its database, its process, its operator."""
        self.impaired = False
        """Whether the gateway is being stopped, or without its database."""
        self.trace: list[tuple[float, str]] = []
        self._by_imdn: dict[str, Word] = {}
        self._turns = self._arrivals = 0

    # ------------------------------------------------------------------------ what is known

    def word(self, way: str, sender: str, receiver: str, kind: str, **more: Any) -> Word:
        """An end is about to say something."""
        word = Word(len(self.words) + 1, way, sender, receiver, kind, self.world.now, **more)
        self.words[word.token] = word
        if word.imdn_id:
            self._by_imdn[word.imdn_id] = word
        return word

    def word_in(self, body: bytes) -> Word | None:
        """The word whose token is in an octet string."""
        number = contents.token(body)
        return None if number is None else self.words.get(number)

    def talk(self, one: str, other: str) -> Talk:
        """The conversation of two URIs."""
        parties = frozenset((one, other))
        found = self.talks.get(parties)
        if found is None:
            found = self.talks[parties] = Talk(parties)
        return found

    def talk_of(self, word: Word) -> Talk:
        """The conversation that a word belongs to."""
        return self.talk(word.sender, word.receiver)

    def note(self, line: str) -> None:
        """A line of the trace."""
        self.trace.append((self.world.now, line))

    # -------------------------------------------------------------------- the gateway's fate

    def started(self) -> None:
        """A process of the gateway begins."""
        self.process += 1
        self.msrp.forget()
        for word in self.words.values():  # what nobody was told of by then is new to this process
            if not word.answers:
                word.turn = None
                word.unordered = word.unordered or word.arrived is not None
        if self.process > 1:
            self.trouble("the gateway starts again")

    def trouble(self, what: str) -> None:
        """Something happened to the gateway as a whole."""
        self.troubles.append((self.world.now, what))
        self.note(f"* {what}")

    def exception(self, error: BaseException | None) -> None:
        """Something came out of the gateway that must not."""
        self.note(f"! {error!r}")
        self.judge.exception(error)

    def kept(self, row: dict[str, Any]) -> None:
        """A message row was committed as owed."""
        word = self.word_in(row["body"] or b"")
        if word is not None:
            word.kept = True

    def fault(self, talk: Talk | None, what: str) -> None:
        """Something in a conversation went wrong that is none of the gateway's doing."""
        if talk is not None:
            talk.causes.append((self.world.now, what))

    # ------------------------------------------------------------------------ of both wires

    def take_turn(self, word: Word) -> None:
        """A process of the gateway has it, for the first time."""
        now = self.world.now
        if word.came is None:
            word.came = now
        if self.impaired or (self.troubles and now - self.troubles[-1][0] < FELT):
            word.unordered = True  # what is not taken now comes again when its sender's timer has it
        if word.turn is None:
            self._turns += 1
            word.turn = self._turns

    def taken(self, word: Word) -> None:
        """The gateway hears that the far end itself took it."""
        if word.taken is None:
            word.taken, word.taken_by = self.world.now, self.process

    def arrived(self, word: Word) -> None:
        """An honest receiver has it, for the first time."""
        if word.arrived is None:
            self._arrivals += 1
            word.arrived = self._arrivals

    def copy(self, word: Word, name: tuple[str, ...], where: str) -> None:
        """A word goes out."""
        if all((copy.name, copy.where) != (name, where) for copy in word.copies):
            copy = Copy(name, self.world.now, where)
            word.copies.append(copy)
            self.judge.copy_out(word, copy)

    def asks_for_imdn(self, word: Word, body: bytes) -> None:
        """A word goes out to the message side, perhaps with a wish of the gateway's own."""
        name = contents.imdn_name(body)
        if name.startswith(OURS):
            self._by_imdn[name] = word
            self.own_imdn_ids.append(name)

    def imdn_in(self, body: bytes, senders: frozenset[str]) -> None:
        """An IMDN came in from one of ``senders``: it counts if that is who got the message that it is about."""
        told = contents.notification(body)
        if told is None:
            return
        carrier = self.word_in(body)
        if carrier is not None and told.about.startswith(OURS):
            carrier.for_gateway = True
        word = self._by_imdn.get(told.about)
        if word is None or word.receiver not in senders:
            return
        if told.status in ("delivered", "displayed"):
            word.confirmed = word.confirmed or self.world.now
        elif told.kind == "delivery":
            word.denied = word.denied or self.world.now

    def said_by_gateway(self, body: bytes, name: tuple[str, ...], to: Address | None) -> None:
        """Something goes out that is no word: an IMDN or a notice of the gateway's own, or an indication."""
        told = contents.notification(body)
        if told is not None:
            self.judge.imdn_out(self._by_imdn.get(told.about), told.status, "/".join(name))
        elif to is not None and (number := contents.told_in_words(body)):
            notices = self.notices.setdefault(to, {})
            if name not in notices:
                notices[name] = number
                self.judge.notice(to)
