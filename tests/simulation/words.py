"""What is written down of one message, and of one conversation: facts as they were seen on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

TO_MSRP: Final = "to_msrp"
TO_PAGE: Final = "to_page"
NO_CONTENT: Final = frozenset({"imdn", "forged imdn", "composing"})
"""Kinds of what is said that are no messages of a user's."""


@dataclass(slots=True, eq=False)
class Word:
    """Something that an end says, known on every wire by its token."""

    token: int
    way: str
    sender: str
    """URI."""
    receiver: str
    kind: str
    said_at: float
    imdn_id: str = ""
    """The name that notifications about it have."""
    wants: frozenset[str] = frozenset()
    """Notifications that its sender asks for."""
    expires: bool = False
    for_gateway: bool = False
    """An IMDN that the gateway itself had asked for."""
    loose: bool = False
    """Sent by an end that does not keep its paths and connections together."""
    hostile: bool = False
    """Sent in a way that gives its sender no right to anything."""

    came: float | None = None
    """When the gateway first had it."""
    turn: int | None = None
    """Its place in the order in which a process of the gateway got its messages."""
    answers: list[tuple[float, int]] = field(default_factory=list)
    """Final answers to its MESSAGE, or to its SEND, as they left the gateway for the first time."""
    promised: float | None = None
    """When it was acknowledged before it was known to be taken."""
    kept: bool = False
    """Whether its row was committed as owed."""
    copies: list[Copy] = field(default_factory=list)
    """What went out of it, each name once."""
    taken: float | None = None
    """When the gateway heard that the far end itself took it."""
    taken_by: int = 0
    """Which process heard it: a later one may not know."""
    accepted: float | None = None
    """When it heard that somebody on the way accepted it: 202."""
    denied: float | None = None
    """When it heard afterwards that it failed: a REPORT, an IMDN."""
    confirmed: float | None = None
    """When it heard of a success: a REPORT, an IMDN."""
    told_failed: float | None = None
    told: list[str] = field(default_factory=list)
    """How its sender was told after the answer: each name of a notification once."""
    arrived: int | None = None
    """Its place in the order in which honest receivers had what they had, each the first time."""
    success_report: bool = False
    failure_report: str = "yes"
    link: str = ""
    """Where its SEND came last."""
    session: str = ""
    """In which session of the gateway's."""
    unordered: bool = False
    """Whether its order means nothing: it came while nothing could be taken."""

    def begin_again(self) -> None:
        """Its sender says it again, not knowing what was answered; it keeps its turn where it has arrived by then."""
        self.answers = []
        self.told_failed = None
        if self.taken is None:
            self.turn = None

    @property
    def content(self) -> bool:
        """Whether it is a user's message, about which somebody is told."""
        return self.kind not in NO_CONTENT

    @property
    def over(self) -> bool:
        """Whether nothing is owed to its sender any more."""
        return self.taken is not None or self.told_failed is not None or self.accepted is not None

    def __str__(self) -> str:
        return f"~{self.token}~ ({self.kind}, {short(self.sender)} to {short(self.receiver)})"


@dataclass(frozen=True, slots=True)
class Copy:
    """One name under which a word went out."""

    name: tuple[str, ...]
    """What its receiver knows repeats by: Message-ID, or Call-ID, From tag and CSeq."""
    at: float
    where: str


@dataclass(slots=True, eq=False)
class Heard:
    """A request that came to the gateway, by its transaction."""

    name: str
    method: str
    at: float
    source: tuple[str, int]
    word: Word | None
    in_dialog: bool
    finals: list[bytes] = field(default_factory=list)
    codes: set[int] = field(default_factory=set)
    process: int = 0
    excused: bool = False
    """Whether it need not be answered."""
    copies: int = 1
    acknowledged: bool = False
    moves: bool = False
    """A re-INVITE with another path."""
    talk: Talk | None = None
    """An INVITE's."""
    dialog: Dialog | None = None
    """A BYE's, where it was not over."""


@dataclass(slots=True, eq=False)
class Own:
    """A request of the gateway's own, by its transaction."""

    method: str
    to: tuple[str, int]
    uri: str
    at: float
    process: int
    talk: Talk | None
    call_id: str
    word: Word | None = None
    copies: int = 1
    provisional: bool = False
    final: int | None = None
    final_at: float | None = None
    in_dialog: bool = False


@dataclass(slots=True)
class Dialog:
    """A dialog that both sides have."""

    made: float
    over: bool = False
    unknown: bool = False
    """Whether the gateway knew nothing of it when it was ended, and had sent no BYE."""


@dataclass(slots=True, eq=False)
class Talk:
    """A conversation: two URIs, whatever dialogs and connections it takes."""

    parties: frozenset[str]
    causes: list[tuple[float, str]] = field(default_factory=list)
    """What went wrong in it that was none of the gateway's doing."""
    invites: list[Own] = field(default_factory=list)
    joined: float | None = None
    """When the MSRP side last took part: a SEND of its, or a 200 to one of ours."""
    answered: float | None = None
    """When a 2xx of the MSRP side's last came, or its last INVITE was answered."""
    paths: set[tuple[str, int]] = field(default_factory=set)
    """Addresses in the MSRP side's paths."""
    uris: set[str] = field(default_factory=set)
    """Its paths."""
    moved: float | None = None
    """When the MSRP side last took another path."""
    messages: int = 0
    """MESSAGEs that came in it, each transaction once."""

    def __str__(self) -> str:
        return " - ".join(sorted(short(each) for each in self.parties))


def short(uri: str) -> str:
    """The user of a URI."""
    return uri.partition(":")[2].partition("@")[0] or uri
