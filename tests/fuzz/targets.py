"""All fuzz targets, by name."""

from __future__ import annotations

from typing import Final

from tests.fuzz.cpim_messages import CPIM
from tests.fuzz.gateway_engine import GATEWAY
from tests.fuzz.msrp_engine import MSRP_ENGINE
from tests.fuzz.msrp_frames import MSRP_FRAMES
from tests.fuzz.session_descriptions import SDP
from tests.fuzz.sip_messages import SIP_MESSAGE, SIP_STREAM
from tests.fuzz.sip_values import SIP_VALUES
from tests.fuzz.target import Target
from tests.fuzz.texts import CHARSET, ENCODING, HTML, MULTIPART, SPLIT, XML

_ALL: Final = (
    *(SIP_MESSAGE, SIP_STREAM, SIP_VALUES, SDP, MSRP_FRAMES, MSRP_ENGINE),
    *(CPIM, XML, HTML, CHARSET, ENCODING, MULTIPART, SPLIT, GATEWAY),
)
TARGETS: Final[dict[str, Target]] = {target.name: target for target in _ALL}
