"""What happens in a run: steps, and how hypothesis makes schedules of them. All are values that print as they are made.

A step that finds nothing to act on does nothing, so that any part of a schedule is one as well, and shrinks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from hypothesis import strategies as st

from tests.simulation.ends.hostile import PAGE_TRICKS, STRANGE
from tests.simulation.ends.raw import TRICKS

PAGES: Final = ("alice", "mallory")
CHATS: Final = ("bob", "trudy")
HONEST: Final = frozenset({"alice", "bob"})
MESSAGE_KINDS: Final = ("plain", "plain", "plain", "cpim", "wish", "large", "composing")


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Say:
    """A page end says MESSAGEs to an MSRP end."""

    who: str
    to: str
    kind: str = "plain"
    times: int = 1
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class CallUp:
    """An MSRP end INVITEs a page end."""

    who: str
    to: str
    setup: str = "actpass"


@dataclass(frozen=True, slots=True)
class Send:
    """An MSRP end SENDs in its newest session with a page end."""

    who: str
    to: str
    kind: str = "plain"
    success: bool = False
    failure: str = "yes"
    times: int = 1


@dataclass(frozen=True, slots=True)
class Behave:
    """An end has other manners from now on."""

    who: str
    manners: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Hang:
    """An MSRP end hangs up its newest session."""

    who: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An MSRP end offers anew in its newest session."""

    who: str
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Break:
    """The connection of an MSRP end's newest session breaks."""

    who: str
    abruptly: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The SIP connection of an end breaks, where it has one."""

    who: str


@dataclass(frozen=True, slots=True)
class Network:
    """The network between the gateway and an end changes."""

    who: str
    changes: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Records:
    """The database: ``prompt``, ``slow`` or ``away``."""

    how: str


@dataclass(frozen=True, slots=True)
class Crash:
    """SIGKILL, and a new start after some seconds."""

    down: float = 0.5


@dataclass(frozen=True, slots=True)
class Stop:
    """A planned stop, and a new start after some seconds."""

    down: float = 0.5


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody ends all sessions by hand."""


@dataclass(frozen=True, slots=True)
class Trick:
    """What a hostile end does: one of PAGE_TRICKS, to an MSRP end, or one of TRICKS, in its newest session."""

    who: str
    what: str
    to: str = "bob"


@dataclass(frozen=True, slots=True)
class Strange:
    """A stranger sends something."""

    what: str


@dataclass(frozen=True, slots=True)
class Flood:
    """A hostile end sends many: MESSAGEs to users of a host that answers nothing, or INVITEs without an ACK."""

    who: str
    number: int


Step = (
    Wait | Say | CallUp | Send | Behave | Hang | Offer | Break | Cut | Network | Records | Crash | Stop | Operator
    | Trick | Strange | Flood
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Schedule:
    """A run. ``options`` are the gateway's settings and the route's, where they are not the usual ones; ``tcp`` who
    speaks SIP over TCP, ``takes_cpim`` whether page ends are known to."""

    steps: tuple[Step, ...]
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    def shorter(self, steps: tuple[Step, ...]) -> Schedule:
        """The same with other steps."""
        return replace(self, steps=steps)

    def __str__(self) -> str:
        steps = "\n".join(f"    {step}," for step in self.steps)
        more = f", seed={self.seed}" if self.seed else ""
        more += f", options={self.options}" if self.options else ""
        return f"Schedule((\n{steps}\n){more})"


# ------------------------------------------------------------------------------------- strategies

_SOON = st.sampled_from([0.03, 0.03, 0.1, 0.1, 0.4])
_SECONDS = st.sampled_from([0.03, 0.1, 0.4, 1.0, 4.0, 11.0, 33.0])
_PAGE = st.sampled_from(PAGES)
_CHAT = st.sampled_from(CHATS)
_DELAYS = st.sampled_from([0.001, 0.01, 0.06, 0.3, 2.0])
_CHANCE = st.sampled_from([0.0, 0.2, 0.5])
_TIMES = st.sampled_from([1, 1, 1, 2, 5])

_HONEST_CHAT = {
    "invite": st.sampled_from(["answer", "answer", "answer", "answer", "486", "404", "ring", "603"]),
    "after": st.sampled_from([0.0, 0.0, 0.5, 5.0, 12.0]),
    "setup": st.sampled_from(["passive", "active", "active", "actpass", ""]),
    "machine": st.booleans(),
}
_HOSTILE_CHAT = _HONEST_CHAT | {
    "invite": st.sampled_from(
        [
            "answer",
            "answer",
            "answer",
            "486",
            "ring",
            "ignore",
            "twice",
            "then 486",
            "no description",
            "refused line",
            "no path",
        ]
    ),
    "early": st.sampled_from(["", "same", "other"]),
    "bind": st.sampled_from([True, True, False]),
    "closes": st.booleans(),
    "elsewhere": st.sampled_from(["", "", "", "gateway", "void", "bob"]),
    "contact": st.sampled_from(["", "", "", "name", "void", "gateway", "none"]),
    "relay": st.sampled_from([False, False, True]),
    "ack": st.sampled_from([True, True, False]),
    "reoffer": st.sampled_from(["answer", "answer", "ignore", "488", "491", "481"]),
    "types": st.sampled_from(["*", "*", "text/plain", "message/cpim", "message/cpim text/plain", "image/png"]),
    "send": st.sampled_from(
        ["200", "200", "200", "never", "twice", "close", "reset", "403", "413", "415", "481", "506", "400"]
    ),
    "reports": st.lists(st.sampled_from(["200", "half", "408", "413", "unknown"]), max_size=2).map(tuple),
}
_HONEST_PAGE = {
    "answer": st.sampled_from([200, 200, 200, 202, 480, 404, 415, 0]),
    "after": st.sampled_from([0.0, 0.0, 0.04, 0.5, 5.0]),
    "machine": st.booleans(),
    "notifies": st.sampled_from(["", "delivered", "failed", "displayed"]),
}
_HOSTILE_PAGE = _HONEST_PAGE | {
    "answer": st.sampled_from([200, 200, 202, 480, 404, 415, 503, 603, 100, 0]),
    "again": st.sampled_from([0, 486, 200, 202]),
    "after": st.sampled_from([0.0, 0.0, 0.04, 0.5, 5.0, 31.9, 40.0]),
}
_MANNERS = {"alice": _HONEST_PAGE, "mallory": _HOSTILE_PAGE, "bob": _HONEST_CHAT, "trudy": _HOSTILE_CHAT}
_NETWORK = {"udp": _DELAYS, "jitter": _DELAYS, "loss": _CHANCE, "double": _CHANCE, "tcp": _DELAYS, "cut": _CHANCE}


def _some(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[tuple[str, Any], ...]]:
    """One to three of these, with a value for each."""
    one = st.sampled_from(sorted(values)).flatmap(lambda name: values[name].map(lambda value: (name, value)))
    return st.lists(one, min_size=1, max_size=3, unique_by=lambda each: each[0]).map(tuple)


def _all(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[tuple[str, Any], ...]]:
    return st.fixed_dictionaries({}, optional=values).map(lambda found: tuple(found.items()))


_BEHAVE = st.sampled_from(sorted(_MANNERS)).flatmap(lambda who: st.builds(Behave, st.just(who), _some(_MANNERS[who])))
_CHANGE = st.builds(Network, st.sampled_from(PAGES + CHATS), _some(_NETWORK))
_SAY = st.builds(
    Say, _PAGE, _CHAT, st.sampled_from(MESSAGE_KINDS), _TIMES, st.sampled_from([None, None, None, None, 0, 5])
)
_SEND = st.builds(
    Send, _CHAT, _PAGE, st.sampled_from(MESSAGE_KINDS), st.booleans(),
    st.sampled_from(["yes", "yes", "yes", "no", "partial"]), _TIMES,
)  # fmt: skip
_SETUP = st.sampled_from(["actpass", "active", "passive"])


@st.composite
def _conversation(draw: st.DrawFn) -> list[Step]:
    """An MSRP end calls and sends, while the page end may say something as well."""
    who, to = draw(_CHAT), draw(_PAGE)
    steps: list[Step] = [CallUp(who, to, draw(_SETUP)), Wait(draw(_SOON))]
    if draw(st.booleans()):
        steps.append(Say(to, who, draw(st.sampled_from(MESSAGE_KINDS)), draw(_TIMES)))
    steps.append(replace(draw(_SEND), who=who, to=to))
    return steps


@st.composite
def _promised(draw: st.DrawFn) -> list[Step]:
    """Something is acknowledged and not delivered yet; then something happens, and all is as it was."""
    page, chat = draw(_PAGE), draw(_CHAT)
    steps: list[Step]
    if draw(st.booleans()):
        delay = draw(st.sampled_from([(("invite", "ring"),), (("after", 12.0),), (("send", "never"),)]))
        steps = [Behave(chat, delay), replace(draw(_SAY), who=page, to=chat), Wait(draw(st.sampled_from([1.5, 11.0])))]
        steps.append(Behave(chat, (("invite", "answer"), ("after", 0.0), ("send", "200"))))
    else:
        steps = [
            *draw(_conversation()),
            Behave(page, (("answer", 0),)),
            replace(draw(_SEND), who=chat, to=page),
            Wait(0.4),
        ]
        steps.append(Behave(page, (("answer", 200),)))
    event = draw(st.sampled_from(["crash", "stop", "break", "hang", "glare", "away", "call"]))
    happens: dict[str, list[Step]] = {
        "crash": [Crash(draw(st.sampled_from([0.1, 3.0, 20.0])))],
        "stop": [Stop(draw(st.sampled_from([0.1, 3.0, 20.0])))],
        "break": [Break(chat, draw(st.booleans()))],
        "hang": [Hang(chat)],
        "glare": [Break(chat, True), Offer(chat, True)],
        "away": [Records("away"), Wait(4.0), Records("prompt")],
        "call": [CallUp(chat, page)],
    }
    return steps + happens[event]


@st.composite
def _to_itself(draw: st.DrawFn) -> list[Step]:
    """An MSRP end talks to an address of the gateway's own."""
    who = draw(_CHAT)
    return [CallUp(who, "itself"), Wait(0.1), Send(who, "itself", success=True)]


_EVENT = st.one_of(
    st.builds(Hang, _CHAT),
    st.builds(Offer, _CHAT, st.booleans()),
    st.builds(Break, _CHAT, st.booleans()),
    st.builds(Break, _CHAT, st.booleans()),
    st.builds(Cut, st.sampled_from(PAGES + CHATS)),
    _CHANGE,
    st.builds(Records, st.sampled_from(["prompt", "slow", "away"])),
    st.builds(Trick, st.just("trudy"), st.sampled_from(TRICKS)),
    st.builds(Trick, st.just("mallory"), st.sampled_from(PAGE_TRICKS), _CHAT),
)
_DISASTER = st.one_of(
    st.builds(Crash, st.sampled_from([0.1, 3.0, 20.0])),
    st.builds(Stop, st.sampled_from([0.1, 3.0, 20.0])),
    st.builds(Operator),
)
_ATTACK = st.one_of(
    st.builds(Strange, st.sampled_from(STRANGE)).map(lambda step: [step]),
    _to_itself(),
    st.builds(Flood, st.sampled_from(["mallory", "trudy"]), st.sampled_from([20, 150])).map(lambda step: [step]),
)


def _one(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Step]]:
    return strategy.map(lambda step: [step])


_WEIGHTED: Final[list[tuple[int, st.SearchStrategy[Any]]]] = [
    (60, _one(_SAY)),
    (30, _one(_SEND)),
    (35, _conversation()),
    (45, _one(st.builds(Wait, _SOON))),
    (25, _one(st.builds(Wait, _SECONDS))),
    (25, _one(_BEHAVE)),
    (35, _one(_EVENT)),
    (15, _promised()),
    (6, _one(_DISASTER)),
    (4, _ATTACK),
]
_WHICH: Final = [at for at, (weight, _) in enumerate(_WEIGHTED) for _ in range(weight)]
# Not one_of: it makes one flat choice of all the choices within these, so that those with many would take all.
_PHRASES = st.sampled_from(_WHICH).flatmap(lambda at: _WEIGHTED[at][1])

_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "notify_failure": st.booleans(),
        "types": st.sampled_from(["text/plain", "*", "text/plain message/cpim message/imdn+xml"]),
        "answer_wait": st.sampled_from([1.0, 10.0]),
        "store_bodies": st.sampled_from(["until_delivered", "until_delivered", "never"]),
        "reject_silently": st.booleans(),
        "max_sessions": st.sampled_from([200_000, 2]),
        "tcp": st.sets(st.sampled_from(PAGES + CHATS)).map(sorted),
        "takes_cpim": st.sampled_from([None, True, False]),
    },
)


@st.composite
def schedules(draw: st.DrawFn, most: int, least: int = 1) -> Schedule:
    """Schedules of so many phrases, among ends and networks that may be otherwise from the beginning."""
    steps: list[Step] = []
    some = st.lists(st.sampled_from(sorted(_MANNERS)), max_size=3, unique=True)
    steps += [Behave(who, manners) for who in draw(some) if (manners := draw(_all(_MANNERS[who])))]
    steps += [Network(who, changes) for who in draw(some) if (changes := draw(_all(_NETWORK)))]
    for phrase in draw(st.lists(_PHRASES, min_size=least, max_size=most)):
        steps += phrase
    return Schedule(tuple(steps), draw(st.integers(0, 2**16)), draw(_OPTIONS))
