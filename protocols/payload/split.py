"""A text too long for one page, in numbered parts (RULEBOOK M5)."""

from __future__ import annotations

import unicodedata
from typing import Final

from protocols.payload.cpim_escape import whole
from protocols.payload.errors import PayloadError

MOST_PARTS: Final = 99

_ZWJ: Final = "\u200d"
_LAST_QUARTER: Final = 0.75


def split_text(text: str, budget: int) -> list[bytes]:
    """``text`` as UTF-8 in parts of at most ``budget`` octets, ``(1/3) `` with its number in front of each.

    A text that fits is one part without a number. Parts end at white space where there is some in their last
    quarter, else between what people see as characters, and inside of one only where it alone is larger than a part.
    Nothing is left out: the parts without their numbers are the text. Half a surrogate pair becomes U+FFFD.
    Raises PayloadError 413 where more than 99 parts were needed, or ``budget`` has no room for number and character.
    """
    text = whole(text)
    if len(text) <= budget and len(octets := text.encode()) <= budget:
        return [octets]
    if len(text) <= MOST_PARTS * budget:
        for digits in (1, 2):
            parts = _parts(text, budget, digits)
            if len(parts) < 10**digits:
                return [f"({number}/{len(parts)}) ".encode() + part for number, part in enumerate(parts, 1)]
    raise PayloadError(413, "Message is too long")


def _parts(text: str, budget: int, digits: int) -> list[bytes]:
    """The parts where their count has so many digits; stops as soon as there are too many."""
    parts: list[bytes] = []
    at = 0
    while at < len(text) and len(parts) < 10**digits:
        room = budget - len(f"({len(parts) + 1}/) ") - digits
        end = _end_of_part(text, at, room) if room > 0 else at
        if end == at:
            raise PayloadError(413, "No room for a part of the message")
        parts.append(text[at:end].encode())
        at = end
    return parts


def _end_of_part(text: str, at: int, room: int) -> int:
    """Where the part that begins at ``at`` ends, given octets for it; ``at`` itself where no character fits."""
    octets = text[at : at + room].encode()
    full = at + (len(octets[:room].decode(errors="ignore")) if len(octets) > room else len(text[at : at + room]))
    if full == len(text) or (text[full].isspace() and _is_boundary(text, full, at)):
        return full
    for end in range(full, at + int((full - at) * _LAST_QUARTER), -1):
        if text[end - 1].isspace() and _is_boundary(text, end, at):
            return end
    return next((end for end in range(full, at, -1) if _is_boundary(text, end, at)), full)


def _is_boundary(text: str, at: int, start: int) -> bool:
    """May a part end before ``text[at]``? The rules of UAX #29 as far as they matter in messages.

    ``start`` is where the part began; nothing before it is looked at.
    """
    before, after = text[at - 1], text[at]
    if after < "\u0300":
        return before != _ZWJ and not (before == "\r" and after == "\n")
    if _ZWJ in (before, after) or _extends(after):
        return False
    if _is_regional(after) and _is_regional(before):
        run = at
        while run > start and _is_regional(text[run - 1]):
            run -= 1
        return (at - run) % 2 == 0
    return not _joins_hangul(before, after)


def _extends(character: str) -> bool:
    """Combining marks, variation selectors, emoji modifiers, tags of flags."""
    return (
        unicodedata.category(character) in {"Mn", "Me", "Mc"}
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
        or character == "\u200c"
    )


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _joins_hangul(before: str, after: str) -> bool:
    """Jamo that make one syllable: leading, then vowels, then trailing ones."""
    if "\u1160" <= after <= "\u11ff":
        return "\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    return "\u1100" <= before <= "\u115f" and ("\u1100" <= after <= "\u115f" or "\uac00" <= after <= "\ud7a3")
