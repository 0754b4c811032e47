"""What an end on one side is called on the other: the tables of RULEBOOK A6, and nothing else.

RULEBOOK rows M14 (never 408 to a MESSAGE), M15, S26-S31, U11 (never relay 503).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Answer(NamedTuple):
    """A final SIP answer. ``retry_after`` in seconds, 0: none."""

    code: int
    reason: str | None = None
    retry_after: int = 0


EXPIRED: Final = Answer(480, "Expired")
"""A MESSAGE whose validity ended before it could be delivered (RULEBOOK M9)."""
EXPIRED_STATUS: Final = 408
"""The same for a SEND: the time was over."""

SETUP_REFUSED: Final[dict[int, Answer]] = {
    403: Answer(403),
    404: Answer(404),
    410: Answer(410),
    413: Answer(413),
    480: Answer(480, retry_after=30),
    482: Answer(482),
    483: Answer(483),
    484: Answer(484),
    485: Answer(485),
    486: Answer(480, retry_after=30),
    487: Answer(480),
    488: Answer(480),
    408: Answer(480, retry_after=30),
    415: Answer(415),
    513: Answer(413),
    600: Answer(480, retry_after=30),
    603: Answer(603),
    604: Answer(604),
    606: Answer(480),
}
"""INVITE refused with a code: the answer to each waiting MESSAGE."""


def setup_refused(code: int) -> Answer:
    """The answer to MESSAGEs that waited for an INVITE which was refused with ``code``."""
    known = SETUP_REFUSED.get(code)
    if known is not None:
        return known
    if 300 <= code < 400:
        return Answer(480)
    return Answer(500)


SETUP_CAUSE: Final[dict[str, Answer]] = {
    "timer": Answer(480, retry_after=30),  # ring timeout, no answer: never 408 (RFC 4320 s4.2)
    "uri": Answer(404),
    "sdp": Answer(480),
    "type": Answer(415),
    "policy": Answer(480),
    "loop": Answer(482),
    "destination": Answer(403, "Destination not permitted"),
    "overload": Answer(503, "Its next hop does not answer", 30),
}
"""Set-up failed without a negative reply, by layer; DNS, TCP, TLS and MSRP are 500."""


def setup_cause(layer: str) -> Answer:
    """The answer to MESSAGEs that waited for a set-up which failed in ``layer``."""
    return SETUP_CAUSE.get(layer, Answer(500))


SEND_REFUSED: Final[dict[int, Answer]] = {
    400: Answer(500),
    403: Answer(403),
    408: Answer(480),
    413: Answer(413),
    415: Answer(415),
    423: Answer(500),
    481: Answer(480),
    501: Answer(500),
    506: Answer(500),
}
"""MSRP response to a SEND: the answer to its MESSAGE."""


def send_refused(code: int | None) -> Answer:
    """The answer to a MESSAGE whose SEND got ``code``; None: no response in time, or the connection was lost."""
    if code is None:
        return Answer(480)
    return SEND_REFUSED.get(code, Answer(500))


MESSAGE_REFUSED: Final[dict[int, int]] = {
    401: 403,
    403: 403,
    404: 403,
    407: 403,
    408: 408,
    410: 403,
    413: 413,
    415: 415,
    480: 403,
    486: 403,
    503: 408,
    504: 408,
    513: 413,
    600: 403,
    603: 403,
    604: 403,
    606: 403,
}
"""Final answer to a MESSAGE: the MSRP status of its failure REPORT."""


MESSAGE_IN_VAIN: Final = {"loop": 403, "destination": 403, "uri": 403}
"""The MSRP status for a MESSAGE that cannot be sent at all, by the layer that says so; else that of no answer."""


def message_refused(code: int | None) -> int:
    """The MSRP status for a MESSAGE answered ``code``; None: no answer (Timer F, no transport)."""
    if code is None:
        return 408
    return MESSAGE_REFUSED.get(code, 400)
