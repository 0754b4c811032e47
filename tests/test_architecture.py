"""The import contract: three floors, arrows only downward (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_ROOM = 480

FLOORS = {
    "protocols": frozenset({"protocols", "daphne", "twisted"}),
    "sessions_app": frozenset({"protocols", "sessions_app"}),
    "gateway_project": frozenset({"protocols", "sessions_app", "gateway_project"}),
}
OURS = frozenset(FLOORS)
FRAMEWORKS = frozenset({"django", "channels", "celery", "rest_framework", "psycopg", "asgiref", "uvloop"})


KNOTS = {
    "sessions_app.gateway": (
        "the core knows its parts and they know it: sessions, messages, queues; to be cut by what each may change"
    ),
    "protocols.msrp": "a connection carries sessions and a session is carried by one: each tells the other of its end",
    "protocols.sip.transaction": "the layer holds the transactions, and all that a transaction does is done through it",
}
"""Circles that there still are, by what the names of their modules begin with. None may be added."""


def modules(floor: str) -> list[Path]:
    return sorted((ROOT / floor).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level names of the packages that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they lead"
            names.add((node.module or "").partition(".")[0])
    return names


def arrows() -> dict[str, set[str]]:
    """Which module of ours imports which, for its types alone too."""
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for floor in FLOORS
        for path in modules(floor)
    }
    found: dict[str, set[str]] = {}
    for name, path in names.items():
        led: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                led |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                members = {f"{node.module}.{alias.name}" for alias in node.names}
                led |= {each if each in names else node.module for each in members}
        found[name] = led & names.keys()
    return found


def circles(leads: dict[str, set[str]]) -> list[frozenset[str]]:
    """Modules from each of which one comes to each other one and back."""
    reached: dict[str, set[str]] = {}
    for name in leads:
        seen: set[str] = set()
        ahead = [name]
        while ahead:
            new = leads[ahead.pop()] - seen
            seen |= new
            ahead += new
        reached[name] = seen
    return list(
        {
            frozenset({name, *(each for each in to if name in reached[each])})
            for name, to in reached.items()
            if name in to
        }
    )


def test_no_new_circle_of_imports() -> None:
    knots = [
        {next((knot for knot in KNOTS if name.startswith(knot)), name) for name in each} for each in circles(arrows())
    ]
    assert all(len(names) == 1 for names in knots), knots
    assert sorted(names.pop() for names in knots) == sorted(KNOTS)


def test_a_circle_would_be_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [frozenset({"a", "b", "c"})]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("floor", sorted(FLOORS))
def test_no_module_imports_from_a_floor_above_it(floor: str) -> None:
    up = {str(path.relative_to(ROOT)): imported(path) & OURS - FLOORS[floor] for path in modules(floor)}
    assert {path: names for path, names in up.items() if names} == {}


def test_protocols_know_no_framework() -> None:
    known = {str(path.relative_to(ROOT)): imported(path) & FRAMEWORKS for path in modules("protocols")}
    assert {path: names for path, names in known.items() if names} == {}


def test_only_the_server_and_its_sockets_know_an_event_loop() -> None:
    loops = {"asyncio", "twisted", "daphne", "socket", "threading", "select", "time"}
    allowed = {"protocols/server.py", "protocols/asgi.py", "protocols/tls_listener.py", "protocols/udp_socket.py"}
    found = {str(path.relative_to(ROOT)) for path in modules("protocols") if imported(path) & loops}
    assert found <= allowed


def test_the_gateway_itself_has_no_event_loop_and_no_socket() -> None:
    loops = {"asyncio", "socket", "threading", "select", "asgiref"}
    found = {path.name for path in (ROOT / "sessions_app" / "gateway").glob("*.py") if imported(path) & loops}
    assert found == set()


def test_the_app_reads_no_settings_module_but_djangos_settings_object() -> None:
    found = [str(path.relative_to(ROOT)) for path in modules("sessions_app") if "gateway_project" in path.read_text()]
    assert found == []


@pytest.mark.parametrize("floor", sorted(FLOORS))
def test_every_room_holds_one_idea_and_is_not_larger_than_one(floor: str) -> None:
    large = {
        str(path.relative_to(ROOT)): lines
        for path in modules(floor)
        if "migrations" not in path.parts and (lines := len(path.read_text().splitlines())) > LONGEST_ROOM
    }
    assert large == {}
    strays = {"utils.py", "helpers.py", "misc.py", "common.py"}
    assert [path for path in modules(floor) if path.name in strays] == []


@pytest.mark.parametrize("floor", sorted(FLOORS))
def test_every_module_says_what_lives_in_it(floor: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules(floor)
        if "migrations" not in path.parts
        and path.read_text().strip()
        and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
