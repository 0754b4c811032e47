"""COPY text: whatever a peer puts into a header or body, PostgreSQL gets a row that it takes."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_app.cause import Cause, LostWith, Side
from sessions_app.store import columns, copy_text, message_rows
from sessions_app.store.database import conninfo

texts = st.text(st.characters(codec=None), max_size=40)  # all of it: NUL, controls, lone surrogates, astral


@pytest.fixture
def scratch(db):
    """A table of one column of each form, on a connection of its own."""
    with psycopg.connect(conninfo(), autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE scratch (t varchar(20), b bytea, n integer, d jsonb, m timestamptz)")
        yield connection


def copied(connection, line):
    connection.execute("TRUNCATE scratch")
    with connection.cursor() as cursor, cursor.copy("COPY scratch FROM STDIN") as stream:
        stream.write(line)
    return connection.execute("SELECT t, b, n, d, extract(epoch FROM m)::float FROM scratch").fetchone()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts, body=st.none() | st.binary(max_size=40), number=st.none() | st.integers(0, 2**31 - 1), key=texts)
def test_any_value_makes_a_row_that_the_database_takes(scratch, text, body, number, key):
    line = copy_text.line(
        [
            copy_text.text(text, 20),
            copy_text.octets(body),
            copy_text.number(number),
            copy_text.document({"k": key.encode("utf-8", "replace").decode()}),
            copy_text.moment(1_700_000_000.25),
        ]
    )
    row = copied(scratch, line)
    readable = text.encode("utf-8", "replace").decode().replace("\0", "")
    if len(text) <= 20:
        assert row[0] == readable
    assert bytes(row[1]) == body if body is not None else row[1] is None
    assert row[2] == number
    assert row[4] == pytest.approx(1_700_000_000.25)


def test_a_text_that_is_too_long_is_cut_and_says_so():
    assert copy_text.text("x" * 30, 20) == "x" * 19 + "…"


def test_what_looks_like_null_is_not_null(scratch):
    line = copy_text.line([copy_text.text(r"\N", 20), *[copy_text.NULL] * 4])
    assert copied(scratch, line)[0] == r"\N"


@pytest.mark.parametrize("at", [0.0, 1_700_000_000.0, 1_700_000_000.999999, 1_763_950_000.123456])
def test_the_fast_time_is_the_slow_time(scratch, at):
    fast = copied(scratch, copy_text.line([*[copy_text.NULL] * 4, message_rows.when(at)]))[4]
    slow = copied(scratch, copy_text.line([*[copy_text.NULL] * 4, copy_text.moment(at)]))[4]
    assert fast == pytest.approx(slow, abs=2e-6)
    assert fast == pytest.approx(at, abs=2e-6)


def test_ids_are_version_7_uuids_that_rise_also_within_a_millisecond_and_when_the_clock_goes_back():
    import uuid

    ids = [message_rows.new_id(1_700_000_000.5) for _ in range(10_000)] + [message_rows.new_id(1_600_000_000.0)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {uuid.UUID(each).version for each in ids} == {7}
    assert {uuid.UUID(each).variant for each in ids} == {uuid.RFC_4122}


def test_the_columns_written_are_the_models_columns():
    from sessions_app import models

    for forms, model, left_out in (
        (columns.SESSION, models.GatewaySession, set()),
        (columns.MESSAGE, models.MessageRecord, set()),
        (columns.SETUP_FAILURE, models.SetupFailure, set()),
        (columns.SESSION_EVENT, models.SessionEvent, {"id"}),
    ):
        assert set(forms) == {field.column for field in model._meta.concrete_fields} - left_out


def test_the_limits_of_text_columns_are_the_models_limits():
    from sessions_app import models

    too_long = "x" * 5000
    for forms, model in (
        (columns.SESSION, models.GatewaySession),
        (columns.MESSAGE, models.MessageRecord),
        (columns.SETUP_FAILURE, models.SetupFailure),
        (columns.SESSION_EVENT, models.SessionEvent),
    ):
        for field in model._meta.concrete_fields:
            if field.get_internal_type() == "CharField" and not field.choices:
                written = forms[field.column](too_long)
                assert len(written) == field.max_length or written == too_long, field
                if written == too_long:  # values of our own making: they must be short by construction
                    assert field.column in {"leg", "id"}, field


def test_the_fast_rows_are_the_slow_rows():
    values = {
        "id": "i",
        "session_id": "s",
        "direction": "to_page",
        "state": "failed",
        "from_uri": "sip:a\\b@x",
        "to_uri": "sip:é@x",
        "call_id": "c\td",
        "message_id": "m",
        "content_type": "text/plain",
        "size": 3,
        "body": b"a\\b",
        "received_at": 1_700_000_000.0,
        "finished_at": None,
        "sip_code": 404,
        "msrp_code": None,
        "side": "msrp",
        "layer": "sip",
        "code": 486,
        "lost_with": "setup",
        "detail": "line\nbreak",
        "sha256": b"\x00\xff",
        "subject": "a\tb",
        "imdn_id": "n",
        "notify": "display",
        "confirmation": "",
        "expires_at": None,
    }
    fast = message_rows.message(
        "i",
        message_rows.head("s", "to_page"),
        "failed",
        message_rows.parties("sip:a\\b@x", "sip:é@x"),
        "c\td",
        "m",
        "text/plain",
        3,
        b"a\\b",
        1_700_000_000.0,
        None,
        404,
        None,
        Cause(Side.MSRP, "sip", "line\nbreak", 486, LostWith.SETUP),
        b"\x00\xff",
        message_rows.more("a\tb", "n", "display", "", None),
    ).split("\t")
    slow = columns.row(columns.MESSAGE, values).split("\t")
    received = list(columns.MESSAGE).index("received_at")
    fast[received] = slow[received] = ""  # the same moment, written differently
    assert fast == slow
