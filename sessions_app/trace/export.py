"""Export of every frame by HEP v3 to a collector such as HOMER.

What ties the frames of one conversation together there is the Call-ID: of SIP its own, of MSRP that of the INVITE whose
session description has named our session-id, learned from the descriptions that went by.
"""

from __future__ import annotations

import logging
import re
import socket
from collections import OrderedDict
from typing import Final

from protocols.hep import MSRP, SIP, Encoder
from sessions_app.conf import GatewayConfig
from sessions_app.trace.frames import Frame, mask, session_id

logger = logging.getLogger(__name__)

MOST: Final = 100_000
"""MSRP sessions whose call is remembered; the oldest give way."""
_PATH: Final = re.compile(rb"\na=path:([^\r\n]+)")


class Exporter:
    """Sends frames by UDP, from the tracer's thread; what the collector does not take is lost."""

    def __init__(self, config: GatewayConfig) -> None:
        host, _, port = config.hep.rpartition(":")
        self._encoder = Encoder(config.hep_id, config.hep_password)
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
        self._to = found[4]
        self._socket = socket.socket(found[0], socket.SOCK_DGRAM)
        self._keep = config.trace_bodies == "keep"
        self._calls: OrderedDict[str, str] = OrderedDict()

    def send(self, frame: Frame) -> None:
        """One frame; its body as GATEWAY_TRACE_BODIES says."""
        link, data = frame.link, frame.data
        ends = (link.local, frame.remote) if frame.out else (frame.remote, link.local)
        packet = self._encoder.encode(
            frame.at,
            stream=link.transport != "udp",
            source=ends[0],
            target=ends[1],
            payload=data if self._keep else mask(link.protocol, data),
            protocol=SIP if link.protocol == "sip" else MSRP,
            correlation=self._call_of(frame),
        )
        try:
            self._socket.sendto(packet, self._to)
        except OSError as error:
            logger.debug("HEP: %s", error)

    def _call_of(self, frame: Frame) -> str:
        if frame.link.protocol == "msrp":
            return self._calls.get(frame.name, frame.name)
        if frame.out and (path := _PATH.search(frame.data)) is not None:
            self._calls[session_id(path[1].decode("utf-8", "replace"))] = frame.name
            if len(self._calls) > MOST:
                self._calls.popitem(last=False)
        return frame.name
