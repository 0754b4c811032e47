"""Certificates of the process: read at the start, read again when they are replaced."""

from __future__ import annotations

import os
import time

import pytest

from protocols.tls import Tls, TlsError, TlsFiles
from tests.wire.tls import Authority


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def test_its_end_is_known(authority):
    tls = Tls(TlsFiles(str(authority.issue("own.pem", "gw.example", days=30))))
    assert abs(tls.expires - time.time() - 30 * 86_400) < 60
    assert Tls(TlsFiles()).expires is None


def test_one_that_was_replaced_is_taken_over_and_a_broken_one_is_not(authority):
    path = authority.issue("own.pem", "gw.example", days=1)
    tls = Tls(TlsFiles(str(path)))
    assert not tls.renew()
    first = tls.expires

    path.write_text("half a fi")
    os.utime(path, (1, 1))
    with pytest.raises(TlsError, match=r"own\.pem"):
        tls.renew()
    assert tls.expires == first

    authority.issue("own.pem", "gw.example", days=90)
    os.utime(path, (2, 2))
    assert tls.renew()
    assert tls.expires > first + 80 * 86_400


def test_files_that_cannot_be_used_are_named(authority, tmp_path):
    own = str(authority.issue("own.pem", "gw.example"))
    other = str(authority.issue("other.pem", "gw.example"))
    for files, said in (
        (TlsFiles(str(tmp_path / "none.pem")), r"none\.pem.*No such file"),
        (TlsFiles(own, other), "key values mismatch"),
        (TlsFiles(authorities=str(tmp_path / "none.pem")), r"none\.pem: No such file"),
    ):
        with pytest.raises(TlsError, match=said):
            Tls(files)


def test_nothing_older_than_tls_1_2_is_spoken(authority):
    tls = Tls(TlsFiles(str(authority.issue("own.pem", "gw.example"))))
    assert {tls.client.minimum_version.name, tls.server.minimum_version.name} == {"TLSv1_2"}
