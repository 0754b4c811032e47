"""JSON from outside, read within bounds; whatever is wrong with it is one error.

Python's own reader takes more than JSON is (NaN, Infinity, UTF-16), and what it takes may be what nothing after it can
bear: so deep that whoever walks it runs out of stack, a number that is no number when it is written again, half of a
surrogate pair that no database stores. Each of these is a fault of the text here, not of the program later.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

DEEPEST: Final = 32
"""Arrays and objects in each other; what we are sent has three at the most."""


class JsonFault(ValueError):
    """The text is no JSON, or none that we take."""


def read(text: str | bytes, deepest: int = DEEPEST) -> Any:
    """The value of a JSON text, in UTF-8 where it is octets (RFC 8259 s8.1). Raises JsonFault and nothing else.

    Linear in the length of the text, which is for the caller to bound.
    """
    try:
        found = json.loads(
            text.decode("utf-8") if isinstance(text, bytes) else text, parse_constant=_refuse, parse_float=_finite
        )
        _check(found, deepest)
    except RecursionError:
        raise JsonFault(f"nested deeper than {deepest}") from None
    except ValueError as error:  # a number of more than 4300 digits is one, too, and so is what is no UTF-8
        raise JsonFault(str(error)) from None
    return found


def _refuse(word: str) -> None:
    raise JsonFault(f"{word} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonFault("a number is too large")
    return number


def _check(found: Any, deepest: int) -> None:
    """Layer by layer and without recursion: the depth, and that every string can be written."""
    layer = [found]
    for _ in range(deepest + 1):
        below: list[Any] = []
        for value in layer:
            if isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str) and not value.isascii():
                value.encode()  # UnicodeEncodeError, a ValueError, for a lone surrogate
        if not below:
            return
        layer = below
    raise JsonFault(f"nested deeper than {deepest}")
