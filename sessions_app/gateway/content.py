"""What a message carries, and the forms in which each side may get it (RFC 3862, RFC 4975 s8.6 and s13, RULEBOOK P2).

A message has one content and some forms: as it came, wrapped in or unwrapped from message/cpim, html as text. Which of
them goes out is decided by what the receiver takes. What is signed or encrypted keeps its form (RULEBOOK X9).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from protocols.msrp.accept import AcceptTypes, media_type
from protocols.payload import charset, cpim, html, imdn, iscomposing
from protocols.payload.cpim import CpimMessage
from protocols.payload.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions_app.gateway.carried import Carried

CPIM: Final = cpim.CONTENT_TYPE
PLAIN: Final = "text/plain;charset=UTF-8"
COMPOSING: Final = iscomposing.CONTENT_TYPE
IMDN: Final = imdn.CONTENT_TYPE
MOST_HTML: Final = 65_536
"""Octets of HTML that are made into text, which holds up everything else for up to 1 ms a kilobyte."""
NEVER: Final = frozenset({"application/vnd.3gpp.sms", "application/resource-lists+xml"})
"""Types that mean something else than a message, whatever a route says: SMS of TS 24.341 (RULEBOOK W9), a list of
recipients (RULEBOOK M16)."""


class Form(NamedTuple):
    """A content as it may go out. ``type`` is the Content-Type, with parameters."""

    type: str
    body: bytes

    @property
    def essence(self) -> str:
        """``type/subtype`` in lower case."""
        return media_type(self.type) or ""


@lru_cache(maxsize=1024)
def ordinary(content_type: str) -> bool:
    """Whether it is carried as it is: no wrapper, no indication, no charset to be undone. Most messages are."""
    essence = media_type(content_type) or ""
    return bool(essence) and essence not in (CPIM, COMPOSING, IMDN, *NEVER) and not _names_charset(content_type)


def _names_charset(content_type: str) -> bool:
    lower = content_type.lower()
    return lower.lstrip().startswith("text/") and "charset" in lower


def read(content_type: str, body: bytes) -> CpimMessage | None:
    """The CPIM message where it is one. Raises PayloadError 400 or 415."""
    return cpim.parse(body) if media_type(content_type) == CPIM else None


def read_again(content_type: str, body: bytes) -> CpimMessage | None:
    """:func:`read` of what was stored; what cannot be read any more goes on as it is."""
    try:
        return read(content_type, body)
    except PayloadError:
        return None


def essence_within(content_type: str, wrapped: CpimMessage | None) -> str:
    """``type/subtype`` of what a user would see, inside a wrapper or not; empty for what is no media type.

    Whoever asks what a message is asks here: the answer does not depend on how it is wrapped.
    """
    return media_type(content_type if wrapped is None else wrapped.content_type) or ""


def document(body: bytes, wrapped: CpimMessage | None) -> bytes:
    """The octets of what is inside a wrapper or not. Raises PayloadError where its coding cannot be undone."""
    return body if wrapped is None else wrapped.decoded()


def carries(allowed: AcceptTypes, content_type: str, wrapped: CpimMessage | None) -> bool:
    """Whether a route that carries the types ``allowed`` carries this; a wrapper counts as what it wraps."""
    within = essence_within(content_type, wrapped)
    if within in NEVER:
        return False
    if within in (COMPOSING, IMDN):
        return True  # what is about messages goes wherever messages go
    return allowed.allows_bare(within) or (wrapped is not None and CPIM in allowed.entries)


def offered(carried: AcceptTypes) -> tuple[str, str]:
    """``a=accept-types`` and ``a=accept-wrapped-types`` of a session: message/cpim first (RULEBOOK S33)."""
    types = [each for each in carried.entries if each.lower() != CPIM]
    if "*" in types:
        return f"{CPIM} *", "*"
    return " ".join([CPIM, *types, COMPOSING, IMDN]), " ".join([*types, COMPOSING, IMDN])


def prefers_cpim(takes: AcceptTypes) -> bool:
    """Whether a peer wants everything wrapped: it names message/cpim first (RFC 4975 s13)."""
    return bool(takes.entries) and takes.entries[0].lower() == CPIM


def in_utf8(content_type: str, body: bytes) -> Form:
    """A text in another charset as UTF-8. Raises PayloadError 415 where that cannot be done."""
    if not _names_charset(content_type):
        return Form(content_type, body)
    text, as_type = charset.to_utf8(body, content_type)
    return Form(as_type, text)


def for_msrp(message: Carried, takes: AcceptTypes, wrapped: AcceptTypes | None, record_route: str) -> Form | None:
    """The form that an MSRP peer gets, which takes ``takes``, and ``wrapped`` inside of containers; None for none.

    ``record_route`` is our URI, by which notifications are to come back (RFC 5438 s8, RULEBOOK I4).
    """
    held = message.cpim
    takes_cpim = takes.allows_bare(CPIM)

    # A peer that lists the container alone, and says nothing of what may be in it, must take something.
    anything = wrapped is None and {each.lower() for each in takes.entries} == {CPIM}

    def inside(essence: str) -> bool:
        named = takes.allows_bare(essence) or (wrapped is not None and wrapped.allows_bare(essence))
        return takes_cpim and (named or anything)

    if held is None:
        essence = media_type(message.content_type) or ""
        form = Form(message.content_type, message.body)
        if takes.allows_bare(essence) and not (prefers_cpim(takes) and inside(essence)):
            return form
        if inside(essence):
            return _wrapped(message, form, _own_imdn_id(message) if essence == IMDN else "")
        return _as_text(form, takes)
    essence = media_type(held.content_type) or ""
    if inside(essence):
        body = message.body
        if message.notify and essence != IMDN:
            body = cpim.with_record_route(body, record_route)
        return Form(message.content_type, body)
    if held.signed or essence == IMDN:
        return None
    unwrapped = _unwrapped(held)
    return unwrapped if unwrapped is None or takes.allows_bare(essence) else _as_text(unwrapped, takes)


def for_page(message: Carried, takes_cpim: bool | None, refuses: set[str]) -> Form | None:
    """The form that a message-side user gets next; None where none is left.

    ``takes_cpim`` None: nobody knows yet. ``refuses``: what was answered 415. A bare message with an IMDN Message-ID is
    wrapped to ask for its delivery notification.
    """
    if message.cpim is None and not message.imdn_id and not refuses:
        return Form(message.content_type, message.body)
    return next((form for form in _page_forms(message, takes_cpim) if form.essence not in refuses), None)


def _page_forms(message: Carried, takes_cpim: bool | None) -> Iterator[Form]:
    held = message.cpim
    whole = bare = Form(message.content_type, message.body)
    if held is None:
        if takes_cpim and message.imdn_id:
            yield _wrapped(message, whole, message.imdn_id)
    else:
        kept = held.signed or media_type(held.content_type) == IMDN
        if kept or takes_cpim or (takes_cpim is None and message.notify):
            yield whole
        if kept:
            return
        unwrapped = _unwrapped(held)
        if unwrapped is None:
            return
        bare = unwrapped
    yield bare
    text = _text_of(bare)
    if text is not None:
        yield text


def _own_imdn_id(message: Carried) -> str:
    """An IMDN Message-ID of our own."""
    return message.session.gateway.new_imdn_id()


def _wrapped(message: Carried, form: Form, own_imdn: str = "") -> Form:
    notification = form.essence == IMDN
    session = message.session
    end = session.page
    to_msrp = message.direction == "to_msrp"
    body = cpim.wrap(
        form.body,
        form.type,
        from_uri=end.to_uri if to_msrp else end.from_uri,
        to_uri=end.from_uri if to_msrp else end.to_uri,
        at=message.received_at,
        subject=message.subject,
        imdn_message_id=own_imdn,
        notify=("positive-delivery", "negative-delivery") if own_imdn and not notification else (),
        disposition="notification" if notification else "",
    )
    return Form(CPIM, body)


def _unwrapped(held: CpimMessage) -> Form | None:
    """The content by itself; None where its coding or charset cannot be undone."""
    try:
        return in_utf8(held.content_type, held.decoded())
    except PayloadError:
        return None


def _as_text(form: Form, takes: AcceptTypes) -> Form | None:
    """HTML as text for who takes only that (RFC 7572 s7, RULEBOOK W2)."""
    return _text_of(form) if takes.allows_bare("text/plain") else None


def _text_of(form: Form) -> Form | None:
    if form.essence != "text/html" or len(form.body) > MOST_HTML:
        return None
    return Form(PLAIN, html.to_text(form.body, form.type).encode())
