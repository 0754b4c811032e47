"""One real gateway with its pages and its worker for all browser tests that carry messages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wire.served import Served


@pytest.fixture(scope="package")
def gateway() -> Iterator[Served]:
    served = Served(
        GATEWAY_STORE_BODIES="always",
        GATEWAY_TRACE="all",
        GATEWAY_TRACE_BODIES="keep",
        GATEWAY_PLAYGROUND="yes",
        GATEWAY_ANSWER_WAIT="5",
        GATEWAY_DRAIN_TIMEOUT="1",
    )
    try:
        yield served.start()
    finally:
        served.close()
