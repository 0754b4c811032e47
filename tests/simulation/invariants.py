"""The rules, asked at each fact that the ledger writes down, after each event, and at the end of a run.

About messages: what is said of them is true, and is said. What the gateway may do of its own accord is in ``bounds``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from tests.simulation.bounds import Bounds
from tests.simulation.rules import RULES, Violation, kind_of
from tests.simulation.words import TO_MSRP, TO_PAGE, Copy, Dialog, Heard, Own, Word
from tests.simulation.world import START, Address

if TYPE_CHECKING:
    from protocols.msrp.frames import MsrpRequest, MsrpResponse
    from tests.simulation.ledger import Ledger
    from tests.simulation.msrp_wire import Link, Sent

NO_ANSWER: Final = 31.0
"""Seconds without an answer that count as none: Timers B and F are 32 s, and the other side's clock began earlier."""
NO_BIND: Final = 29.0
"""The same for a session that nobody binds, and for a SEND."""
SOON: Final = 1.0
"""Seconds in which what ended is still felt: the database is tried again twice a second."""
QUEUE: Final = 100
"""Messages that may wait for a set-up."""
UNWRITTEN: Final = 3.0
"""Seconds after the making of a dialog in which a crash may take it along: it is in no row yet."""
LATEST: Final = 32.5
"""Seconds in which a request is to be answered, and what a clock that ticks may be late."""


class Invariants:
    """``found``: the first violation of each kind."""

    def __init__(self, ledger: Ledger, patience: float = math.inf, *, silent: bool = False, few: bool = False) -> None:
        """``silent``: whether strangers get no answer. ``few``: whether the gateway takes few sessions only.

        ``patience``: seconds after which a message may be given back, where nothing is promised; a SEND then waits for
        its outcome however long that takes.
        """
        self.ledger = ledger
        self._silent = silent
        self._few = few
        self._patience = patience
        self.found: dict[str, Violation] = {}
        self.bounds = Bounds(self)
        self._unanswered: dict[Heard, None] = {}

    def broken(self, rule: str, text: str, kind: str = "") -> None:
        """A rule is; ``kind`` where the text alone does not tell which faults are the same."""
        assert rule in RULES
        violation = Violation(
            rule, self.ledger.world.now - START, text, f"{rule}: {kind}" if kind else kind_of(rule, text)
        )
        if violation.kind not in self.found:
            self.found[violation.kind] = violation
            self.ledger.note(f"!! {violation}")

    # ------------------------------------------------------------------- answers to MESSAGEs

    def message_answered(self, word: Word, heard: Heard, status: int) -> None:
        """A MESSAGE with this word got its final answer."""
        now = self.ledger.world.now
        if status == 200:
            if word.taken is None and word.kind != "forged imdn" and not word.for_gateway:
                self.broken("taken before 200", f"{word} is answered 200")
        elif status < 300:
            if word.taken is None and word.accepted is None and not word.kept:
                self.broken("kept before 202", f"{word} is answered {status}")
            word.promised = word.promised or now
        elif status != 482:
            self._failed(word, str(status))

    def final(self, heard: Heard) -> None:
        """A final answer to a request, unlike the ones before it."""
        if len(heard.finals) > 1 and heard.process == self.ledger.process:
            if heard.method == "INVITE" and all(each.startswith(b"SIP/2.0 503") for each in heard.finals[:-1]):
                return  # refused for overload without a transaction; whoever called has heard enough (s8.2.7)
            lines = [answer.split(b"\r\n", 1)[0].decode() for answer in heard.finals]
            self.broken("one answer", f"{heard.method} from {heard.source[0]} got {lines}")

    def answer_out(self, heard: Heard | None, status: int, to: Address) -> None:
        """An answer leaves."""
        self.bounds.answer_out(heard, status, to)

    # ------------------------------------------------------------------- answers to SENDs

    def send_answered(self, word: Word, code: int) -> None:
        """A SEND with the last of this word got its answer."""
        if code != 200:
            self._failed(word, str(code))
        elif word.taken is None and word.accepted is None:
            if not word.kept and word.kind != "forged imdn" and not word.for_gateway:
                self.broken("kept before SEND 200", f"{word} is answered 200")
            word.promised = word.promised or self.ledger.world.now

    def response_out(
        self, link: Link, frame: MsrpResponse, asked: tuple[str, str, Word | None, float] | None, before: int | None
    ) -> None:
        """An MSRP response leaves."""
        if asked is None:
            return  # to something that is no SEND
        if before is not None:
            self.broken("one answer", f"a SEND got {before} and {frame.code}")
        if asked[1] == "no" or (asked[1] == "partial" and frame.code == 200):
            self.broken("only what was asked", f"Failure-Report: {asked[1]} got {frame.code}")

    def reported(self, word: Word, code: int, link: Link) -> None:
        """A REPORT about it leaves."""
        if code == 200:
            if not word.success_report:
                self.broken("only what was asked", f"{word} got a success REPORT that nobody wanted")
            if word.taken is None and word.confirmed is None:
                self.broken("success is true", f"{word} is reported as delivered")
            word.told.append("success")
            return
        if word.failure_report == "no":
            self.broken("only what was asked", f"{word}: Failure-Report no got REPORT {code}")
        self._tell(word, "REPORT")
        self._failed(word, f"REPORT {code}")

    def send_out(self, link: Link, frame: MsrpRequest, sent: Sent) -> None:
        """A SEND leaves."""
        if not link.outbound:
            session = frame.from_path.rpartition("/")[2].partition(";")[0]
            if session not in link.peer_sent:
                self.broken("bound before content", f"a SEND to {link.remote[0]} before its first one")
        talk = sent.talk
        if talk is not None and frame.body:
            host, _, port = frame.to_path.rpartition(" ")[2].partition("//")[2].partition("/")[0].partition(":")
            if (host, int(port or 0)) not in talk.paths:
                self.broken("only to the path that was told", f"{sent.word} goes to {frame.to_path}")

    # --------------------------------------------------------------------- notices and IMDNs

    def notice(self, to: Address) -> None:
        """A notice in words leaves."""
        failing, promised, notifications = self._failing(to)
        told = sum(self.ledger.notices[to].values())
        if told > failing:
            rule = "told once" if told > failing + notifications else "no notice about a notice"
            self.broken(rule, f"{to[0]} is told of {told} messages, and {failing} have failed")
        receivers = {word.receiver for word in self.ledger.words.values() if _address(word.sender) == to}
        self.bounds.notice(to, promised + len(receivers))

    def _failing(self, to: Address) -> tuple[int, int, int]:
        """Messages of an address that have failed by now, those of them that were promised, and notifications."""
        ledger = self.ledger
        notifications = 0
        failing = promised = ledger.wordless[to]
        for word in ledger.words.values():
            if word.way == TO_MSRP and word.came is not None and _address(word.sender) == to:
                refused = any(code >= 300 for _, code in word.answers)
                if not word.content:
                    notifications += (
                        refused or word.denied is not None or (word.promised is not None and not word.for_gateway)
                    )
                elif word.taken is None or word.denied is not None:
                    failing += refused or word.promised is not None or word.kept or word.denied is not None
                    promised += word.promised is not None
        return failing, promised, notifications

    def imdn_out(self, word: Word | None, status: str, name: str) -> None:
        """An IMDN that the gateway made leaves."""
        if word is None:
            self.broken("no notice about a notice", f"an IMDN {status} about what nobody said")
        elif not word.content:
            self.broken("no notice about a notice", f"an IMDN {status} about {word}")
        elif status == "delivered":
            if word.confirmed is None:
                self.broken("success is true", f"{word} is notified as delivered")
        else:
            self._tell(word, name)
            self._failed(word, f"IMDN {status}")

    def _tell(self, word: Word, name: str) -> None:
        if name in word.told:
            return  # the same notification, by another process
        failures = [each for each in word.told if each != "success"]
        if failures or (word.told_failed is not None and word.denied is None):
            self.broken("told once", f"the failure of {word} is told again")
        word.told.append(name)

    def _failed(self, word: Word, how: str) -> None:
        """Its sender is told that it failed."""
        now = self.ledger.world.now
        if word.taken is not None and word.denied is None and word.taken_by == self.ledger.process:
            self.broken("failed is true", f"{word} was taken at {word.taken - START:.2f} s and is told {how}")
        if word.content and word.told_failed is None and not self._excused(word, how):
            asked = [own for own in self.ledger.talk_of(word).invites if own.process == self.ledger.process]
            state = "its INVITE has no answer" if asked and asked[-1].final is None else "its session is answered"
            self.broken("failed for a cause", f"{word} is told {how} and nothing failed ({state})")
        word.told_failed = word.told_failed or now

    def _excused(self, word: Word, how: str) -> bool:
        """Whether anything went wrong, since it came, that is none of the gateway's doing."""
        ledger = self.ledger
        now, since = ledger.world.now, word.came if word.came is not None else word.said_at
        talk = ledger.talk_of(word)
        if word.hostile or word.expires or word.denied is not None or ledger.impaired or now - since > self._patience:
            return True
        if any(at >= since - SOON for at, _ in ledger.troubles):
            return True
        # What went wrong before an offer that is still open is what that offer is to mend.
        tries = [own.at for own in talk.invites if own.final is None and own.process == ledger.process]
        if any(at >= max(since - SOON, *tries, 0.0) for at, _ in talk.causes):
            return True
        if word.way == TO_PAGE:
            if word.session in ledger.sip.over or (word.loose and how in ("481", "506")):
                return True
            newer = max(talk.moved or 0.0, talk.answered or 0.0)
            if how == "481" and newer > word.said_at:  # by a path that is none any more
                return True
            return any(
                own.word is word and own.final is None and now - own.at > NO_ANSWER for own in ledger.sip.own.values()
            )
        if (how == "503" and self._few) or talk.messages > QUEUE:
            return True
        if how == "415" and any("description" in what for _, what in talk.causes):
            return True
        if any(
            heard.talk is talk and heard.finals and not heard.acknowledged and now - heard.at > NO_ANSWER
            for heard in ledger.sip.heard.values()
        ):
            return True
        if any(own.final is None and now - own.at > NO_ANSWER for own in talk.invites):
            return True
        if talk.answered is not None and now - talk.answered > NO_BIND and (talk.joined or 0.0) < talk.answered:
            return True
        return any(
            sent.word is word and not sent.done and now - word.copies[-1].at > NO_BIND
            for link in ledger.msrp.links.values()
            for sent in link.sent.values()
        )

    # ------------------------------------------------------------------------- what goes out

    def _replaced(self, word: Word) -> bool:
        """Whether its far end had called anew by then: what it still says in the old session is heard too late."""
        talk = self.ledger.talk_of(word)
        return talk is not None and word.copies[0].at <= (talk.answered or 0.0) <= (word.taken or 0.0)

    def copy_out(self, word: Word, copy: Copy) -> None:
        """A word goes out, under a name or to a place that is new."""
        page = len(copy.name) == 3
        if page == (word.way == TO_MSRP):
            self.broken("never back", f"{word} goes out as {'MESSAGE' if page else 'SEND'} to {copy.where}")
            return
        if word.told_failed is not None and not word.hostile:
            self.broken("failed stays failed", f"{word} goes out after its sender was told that it failed")
        names = [each.name[:2] if page else each.name for each in word.copies]
        if len(set(names)) > 1:
            self.broken("one name", f"{word} went out as {sorted(set(names))}")
        restarted = any(at >= (word.taken or 0.0) for at, what in self.ledger.troubles if "starts again" in what)
        if word.taken is not None and not restarted and not self._replaced(word):
            self.broken("delivered once", f"{word} goes out again after it was taken")

    def request_out(self, own: Own) -> None:
        """A request of the gateway's own leaves for the first time."""
        self.bounds.request_out(own)

    def repeated(self, own: Own) -> None:
        """It is repeated."""
        self.bounds.repeated(own)

    def dialled(self, to: Address) -> None:
        """It opens a connection."""
        self.bounds.dialled(to)

    def exception(self, error: BaseException | None) -> None:
        """Something came out of the gateway that must not."""
        place = ""
        trace = error.__traceback__ if error is not None else None
        while trace is not None:
            place, trace = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}", trace.tb_next
        self.broken("no exception", f"{error!r} in {place}")

    # ----------------------------------------------------------------------------- in between

    def step(self) -> None:
        """Something happened."""
        self.bounds.step()

    def late(self) -> None:
        """Look for requests without an answer; call it now and then."""
        ledger, now = self.ledger, self.ledger.world.now
        for heard in ledger.sip.heard.values():
            if heard.finals or heard.excused or now - heard.at < LATEST:
                continue
            heard.excused = True
            silently = self._silent and heard.source[0] not in ledger.peers
            if silently or heard.process != ledger.process or self._trouble(heard.at, now):
                continue
            self.broken("an answer in time", f"no answer to {heard.method} from {heard.source[0]} ({heard.word})")
        for link in ledger.msrp.links.values():
            for tid, (flag, wish, word, at) in link.asked.items():
                if link.closed or tid in link.answered or tid in link.late or now - at < LATEST or wish != "yes":
                    continue
                link.late.add(tid)
                if not self._trouble(at, now) and math.isinf(self._patience):
                    self.broken("an answer in time", f"no answer to a SEND {flag} from {link.remote[0]} ({word})")

    def _trouble(self, since: float, until: float) -> bool:
        return any(since - 40.0 <= at <= until for at, _ in self.ledger.troubles)

    # -------------------------------------------------------------------------------- the end

    def settled(self) -> None:
        """All that was said has had the time it needs; nobody has hung up."""
        links = self.ledger.msrp.links
        for word in self.ledger.words.values():
            if word.way == TO_PAGE and word.success_report and word.taken is not None and "success" not in word.told:
                link = links.get(word.link)
                alive = link is not None and not link.closed and word.session not in self.ledger.sip.over
                if alive and not self.ledger.troubles and word.content:
                    self.broken("success is told", f"{word} was taken, and no REPORT says so")

    def ended(self, owed: int, census: dict[str, int]) -> None:
        """Everything has ended, long ago."""
        ledger = self.ledger
        self.late()
        unpaid: dict[Address, list[Word]] = {}
        for word in ledger.words.values():
            if word.promised is None or not word.content or word.taken or word.accepted or word.told:
                continue
            if word.told_failed is not None:
                continue  # its sender repeated it and heard then
            if word.way == TO_MSRP:
                unpaid.setdefault(_address(word.sender), []).append(word)
            elif word.failure_report != "no" and not self._sender_gone(word):
                self.broken("never silence", f"{word} was acknowledged, and nothing was said of it any more")
        for address, notices in ledger.notices.items():
            told = sum(notices.values())
            failing, _, notifications = self._failing(address)
            if failing + notifications < told and "told once" not in {each.rule for each in self.found.values()}:
                text = f"{address[0]} is told of {told} messages, and only {failing} were not delivered"
                self.broken("failed is true", text)
        for address, words in unpaid.items():
            told = sum(ledger.notices.get(address, {}).values())
            if told < len(words):
                text = f"{len(words)} messages acknowledged and not delivered, {words[0]} the first"
                self.broken("never silence", f"{text}, and {address[0]} is told of {told}")
        if owed:
            self.broken("nothing owed for ever", f"{owed} messages are still owed")
        self._order(ledger.words.values())
        for (call_id, _), dialog in ledger.sip.dialogs.items():
            if not dialog.over or dialog.unknown:
                self._ghost(dialog, call_id)
        left = {name: number for name, number in census.items() if number}
        if left:
            self.broken("nothing is left", ", ".join(f"{name}: {number}" for name, number in left.items()))

    def _ghost(self, dialog: Dialog, call_id: str) -> None:
        """A dialog that the gateway knows no more got no BYE from it."""
        away = any("away" in what and at < dialog.made + UNWRITTEN for at, what in self.ledger.troubles)
        if not away and not any(0 <= at - dialog.made < UNWRITTEN for at, _ in self.ledger.troubles):
            self.broken("no ghosts", f"the dialog of {call_id} has no BYE")

    def _sender_gone(self, word: Word) -> bool:
        """Whether there is no session to tell the MSRP side in: its connection is gone, or its dialog."""
        link = self.ledger.msrp.links.get(word.link)
        talk = self.ledger.talk_of(word)
        return (
            link is None or link.closed or any(what == "BYE" for _, what in talk.causes) or bool(self.ledger.troubles)
        )

    def _order(self, words: Iterable[Word]) -> None:
        runs: dict[tuple[str, frozenset[str]], list[Word]] = {}
        for word in words:
            if word.arrived is None or word.taken is None or word.turn is None or word.unordered:
                continue
            if word.content and word.told_failed is None:
                runs.setdefault((word.way, frozenset((word.sender, word.receiver))), []).append(word)
        for run in runs.values():
            run.sort(key=lambda word: word.turn or 0)
            for first, second in itertools.pairwise(run):
                if (first.arrived or 0) > (second.arrived or 0):
                    self.broken("in order", f"{second} arrived before {first}")


def _address(uri: str) -> Address:
    host, _, port = uri.rpartition("@")[2].partition(";")[0].partition(":")
    return host, int(port)
