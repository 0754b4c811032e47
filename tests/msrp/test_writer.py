"""The bytes we write: legal, and readable by our own parser (RULEBOOK S4, S15, S20, S21, S28, S29)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.msrp import writer
from tests.msrp.peers import OURS, PEER, frames

HEAD = writer.paths(PEER, OURS)


def test_s15_s20_bind_has_no_content_type_and_no_blank_line():
    assert (
        writer.bind("d93kswow", HEAD, "12339sdqwer")
        == (
            f"MSRP d93kswow SEND\r\nTo-Path: {PEER}\r\nFrom-Path: {OURS}\r\n"
            "Message-ID: 12339sdqwer\r\nByte-Range: 1-0/0\r\n-------d93kswow$\r\n"
        ).encode()
    )


def test_s20_content_type_is_the_last_header():
    data = writer.send("d93kswow", HEAD, "12339sdqwer", "Success-Report: yes\r\n", "text/plain", b"hi")
    assert data.endswith(b"Byte-Range: 1-2/2\r\nContent-Type: text/plain\r\n\r\nhi\r\n-------d93kswow$\r\n")


@given(st.binary(max_size=500))
def test_what_is_written_is_read_back(body):
    tid = writer.free_transaction_id(body)
    [frame] = frames(writer.send(tid, HEAD, "12339sdqwer", "", "text/plain", body))
    assert (frame.body, frame.tid, frame.fault) == (body, tid, None)


def test_s21_another_transaction_id_when_the_body_holds_the_end_line(monkeypatch):
    stock = ["first000", "second00", "third000"]
    monkeypatch.setattr(writer, "new_transaction_id", lambda: stock.pop(0))
    assert writer.free_transaction_id(b"a\r\n-------first000$\r\n-------second00+") == "third000"


def test_s28_d38_report_has_a_computed_range_and_a_status():
    [frame] = frames(writer.report(HEAD, "12339sdqwer", 200, None, 106, 106))
    assert frame.method == "REPORT"
    assert frame.headers["byte-range"] == "1-106/106"
    assert frame.headers["status"] == "000 200 OK"
    assert "success-report" not in frame.headers
    assert "failure-report" not in frame.headers
    assert frame.body is None


@pytest.mark.parametrize("comment", ["a\r\nTo-Path: x", "tab\there", "\x00"])
def test_a_comment_cannot_add_lines(comment):
    [frame] = frames(writer.response("d93kswow", 403, comment, PEER, OURS))
    assert frame.code == 403
    assert frame.to_path == PEER
    assert frame.comment.isprintable()
