"""Every citation of a rule names a row that exists, and every row has a source (docs/rulebook.md, docs/defects.md)."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.test_defects import ROOT

RULEBOOK = (ROOT / "docs" / "rulebook.md").read_text()
DOCUMENTS = {"rulebook": RULEBOOK, "defects": (ROOT / "docs" / "defects.md").read_text()}
PLACES = ("protocols", "sessions_app", "gateway_project", "templates", "tests", "bench", "docs", "deploy")
KINDS = {".py", ".md", ".html", ".js", ".css", ".xml", ".txt", ".toml"}
NOT_OURS = "Unicode s3.10 D98"
"""Looks like a row and is one of another book."""

_row = re.compile(r"^\| ([A-Z][0-9]+) \|.*\|$", re.MULTILINE)
_row_id = re.compile(r"^\| [A-Z][0-9]+ \|", re.MULTILINE)
_section = re.compile(r"^## (A[0-9]+)\. ", re.MULTILINE)
_mark = re.compile(r"\[([TCPKD])\]")
_named = re.compile(r"RFC [0-9]{4}|\b(?:TS|RCC|OMA)\b|#[0-9]+|Android")
_rfc = re.compile(r"RFC [0-9]{4}")
_link = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")

_some = r"[A-Z][0-9]+(?:-[A-Z]?[0-9]+)?"
_gap = r"[\s#*]+"
_cited = re.compile(
    rf"\b(?:RULEBOOK|DEFECTS){_gap}(?:rows?{_gap})?({_some}(?:(?:,|,?{_gap}and)(?:{_gap}){_some})*)(?![\w-])"
)
_word = re.compile(r"\bRULEBOOK\b")
_alone = re.compile(r"(?<![\w%&.:/-])[ACDIMPSUWX][1-9][0-9]?(?:-[ACDIMPSUWX]?[1-9][0-9]?)?(?![\w-])")
_in_name = re.compile(r"^ *(?:async )?def test_((?:[acdimpsuwx][0-9]+_)+)", re.MULTILINE)


KNOWN = {*_row.findall(DOCUMENTS["rulebook"]), *_row.findall(DOCUMENTS["defects"]), *_section.findall(RULEBOOK)}


def expand(citation: str) -> list[str]:
    """``S26-S31`` row by row; as it is where it is no range, or not one upwards of one letter."""
    first, dash, last = citation.partition("-")
    letter, start, end = first[0], int(first[1:]), last.lstrip(first[0])
    if not dash or not end.isdigit() or int(end) <= start:
        return [citation]
    return [f"{letter}{number}" for number in range(start, int(end) + 1)]


def files() -> list[Path]:
    inside = [path for place in PLACES for path in sorted((ROOT / place).rglob("*")) if path.suffix in KINDS]
    minified = {path for path in inside if ".min." in path.name}
    return [ROOT / "README.md", *(path for path in inside if path not in minified and path != Path(__file__).resolve())]


def by_keyword(text: str) -> Iterator[str]:
    """Rows behind RULEBOOK or DEFECTS: one, a list, ranges, also across lines."""
    for found in _cited.finditer(text):
        yield from re.findall(_some, found[1])


def remarks(source: str) -> Iterator[str]:
    """Comments and docstrings, those behind attributes as well."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def by_remark(source: str) -> Iterator[str]:
    """Rows that a comment or docstring names without more ado: ``# S25``."""
    if _alone.search(source):
        for remark in remarks(source):
            yield from _alone.findall(remark.replace(NOT_OURS, ""))


def by_name(source: str) -> Iterator[str]:
    """Rows in the name of a test: ``test_s28_d38_report_has_...``."""
    for found in _in_name.findall(source):
        for row in found.rstrip("_").split("_"):
            yield f"{row[0].upper()}{int(row[1:])}"


def by_row(text: str) -> Iterator[str]:
    """Rows that another row, or the words around it, refers to."""
    yield from _alone.findall(_row_id.sub("", text))


@cache
def texts() -> dict[str, str]:
    return {str(path.relative_to(ROOT)): path.read_text() for path in files()}


WAYS: dict[str, tuple[Callable[[str], Iterator[str]], str | tuple[str, ...], int]] = {
    "by keyword": (by_keyword, "", 250),
    "in a remark": (by_remark, ".py", 250),
    "in a name": (by_name, ".py", 90),
    "in the documents": (by_row, ("docs/rulebook.md", "docs/defects.md"), 20),
}
"""A way to cite, where it is used, and the fewest citations that are to be found."""


# ------------------------------------------------------------------------------------------------------- the rows


def test_every_row_has_an_id_of_its_own() -> None:
    ids = [row for text in DOCUMENTS.values() for row in (*_row.findall(text), *_section.findall(text))]
    assert sorted({row for row in ids if ids.count(row) > 1}) == []


def test_no_row_is_lost() -> None:
    """Also one that nobody cites: numbers are never given anew."""
    counts = {"A": 6, "M": 17, "S": 34, "X": 9, "P": 2, "I": 7, "C": 1, "W": 12, "U": 11, "D": 43}
    assert {f"{letter}{number + 1}" for letter, count in counts.items() for number in range(count)} == KNOWN


def tables() -> Iterator[list[str]]:
    """Every row of a table of requirements, times or outcomes: its cells."""
    body = RULEBOOK.partition("\n## A1. ")[2].partition("\n## Sources")[0]
    for table in re.split(r"\n\n", body):
        lines = [line for line in table.splitlines() if line.startswith("|")]
        for line in lines[2:]:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_no_row_lacks_a_source() -> None:
    """A document and how it was read; our own design and what is known from the field may stand for themselves."""
    assert len(list(tables())) > 110
    assert [cells for cells in tables() if len(cells) != 3 or not _mark.search(cells[2])] == []
    assert [
        cells for cells in tables() if not set(_mark.findall(cells[2])) & set("DK") and not _named.search(cells[2])
    ] == []


def test_every_rfc_that_a_row_names_is_listed_with_its_address() -> None:
    body, _, sources = RULEBOOK.partition("\n## Sources\n")
    listed = dict(_link.findall(sources))
    assert set(_rfc.findall(body)) == {text for text in listed if text.startswith("RFC ")}
    for text, address in listed.items():
        assert address.startswith("https://"), text
        assert address.endswith(re.sub("[^0-9]", "", text)), text


# --------------------------------------------------------------------------------------------------- the citations


@pytest.mark.parametrize("way", WAYS)
def test_every_row_that_is_cited_exists(way: str) -> None:
    read, where, least = WAYS[way]
    cited = [(path, each) for path, text in texts().items() if path.endswith(where) for each in read(text)]
    assert len(cited) >= least
    assert [(path, each) for path, each in cited if not KNOWN.issuperset(expand(each))] == []


def test_every_citation_is_read() -> None:
    """RULEBOOK in capitals without rows behind it would be a citation that nothing here understands."""
    read = [(path, found.start()) for path, text in texts().items() for found in _cited.finditer(text)]
    words = [(path, found.start()) for path, text in texts().items() for found in _word.finditer(text)]
    assert len(words) > 150
    assert set(words) - set(read) == set()


def test_citations_are_found_in_all_their_forms() -> None:
    text = "(RFC 4975 s8.6; RULEBOOK S8, S9 and D9, D28)\n# RULEBOOK\n# rows M14, S26-S31. DEFECTS D1 and D2, Q3"
    assert list(by_keyword(text)) == ["S8", "S9", "D9", "D28", "M14", "S26-S31", "D1", "D2", "Q3"]
    assert expand("S26-S28") == expand("S26-28") == ["S26", "S27", "S28"]
    assert expand("S28-S26") == ["S28-S26"]
    assert expand("S1-D3") == ["S1-D3"]
    assert list(by_remark('X = "M1"\n"""Rows, M14 (so), S26-S28."""\ny = 1  # S5: %C3, S101')) == [
        "S5",
        "M14",
        "S26-S28",
    ]
    assert list(by_name("def test_s28_d07_it(): ...\n    def test_rfc3862_s5_1(): ...")) == ["S28", "D7"]
    assert {"Q3", "S35", "D44", "A7", "S28-S26"} & KNOWN == set()


# ------------------------------------------------------------------------------------------------------- the links


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("document", "least"), [("rulebook", 3), ("defects", 1)])
def test_links_inside_the_project_resolve(document: str, least: int) -> None:
    targets = [target for _, target in _link.findall(DOCUMENTS[document]) if not target.startswith("https://")]
    assert len(targets) >= least
    for target in targets:
        name, _, anchor = target.partition("#")
        path = ROOT / "docs" / (name or f"{document}.md")
        assert path.is_file(), target
        assert not anchor or anchor in anchors(path.read_text()), target


def test_the_readme_leads_to_both() -> None:
    assert {"docs/rulebook.md", "docs/defects.md"} <= {target for _, target in _link.findall(texts()["README.md"])}
