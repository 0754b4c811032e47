"""The public surface of ``protocols/`` that takes text, found by walking the modules: nothing new is forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import protocols

SHELLS: Final = frozenset(f"protocols.{name}" for name in ("server", "asgi", "udp_socket", "tls_listener"))
"""They have sockets and an event loop, and hand octets on as they are."""
_takes_text = re.compile(r"\b(str|bytes|bytearray|Piece|Message|Request|Response|MsrpRequest)\b").search


def text_takers() -> set[str]:
    """``module.function``, ``module.Class.method`` and ``module.Class.property`` of all that may read a peer's text.

    By annotations, to which mypy holds the code: what takes text, and all of what is made of text.
    """
    return {name for module in _modules() for name in _of_module(module)}


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(protocols.__path__, "protocols."):
        if found.name not in SHELLS:
            yield importlib.import_module(found.name)


def _of_module(module: ModuleType) -> Iterator[str]:
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value):
            yield from (f"{module.__name__}.{name}.{member}" for member in _of_class(value))
        elif callable(value) and _reads(value):
            yield f"{module.__name__}.{name}"


def _of_class(made: type[Any]) -> Iterator[str]:
    holds_text = _reads(made.__init__)
    for name, member in vars(made).items():
        if name.startswith("_"):
            continue
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if inspect.isfunction(function) and (holds_text or isinstance(member, property) or _reads(function)):
            yield name


def _reads(function: Any) -> bool:
    wanted = getattr(inspect.unwrap(function), "__annotations__", {})
    return any(_takes_text(str(kind)) for name, kind in wanted.items() if name != "return")
