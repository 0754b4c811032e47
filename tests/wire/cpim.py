"""CPIM and IMDN as peers write them: string templates, nothing of the product's own."""

from __future__ import annotations

import re


def cpim(
    body, *, sender, recipient, kind="text/plain;charset=UTF-8", imdn_id=None, notify=None, headers=(), content=()
):
    """A message/cpim body."""
    lines = [f"From: <{sender}>", f"To: <{recipient}>", "DateTime: 2026-11-25T03:00:00Z", *headers]
    if imdn_id:
        lines += ["NS: imdn <urn:ietf:params:imdn>", f"imdn.Message-ID: {imdn_id}"]
    if notify:
        lines.append(f"imdn.Disposition-Notification: {notify}")
    return "\r\n".join([*lines, "", f"Content-Type: {kind}", *content, "", body]).encode()


def imdn(about, status="delivered", kind="delivery"):
    """A message/imdn+xml document."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<imdn xmlns="urn:ietf:params:xml:ns:imdn">'
        f"<message-id>{about}</message-id><datetime>2026-11-25T03:00:01Z</datetime>"
        f"<{kind}-notification><status><{status}/></status></{kind}-notification></imdn>"
    )


def notification(about, *, sender, recipient, status="delivered", kind="delivery"):
    """A message/cpim body that is an IMDN."""
    return cpim(
        imdn(about, status, kind),
        sender=sender,
        recipient=recipient,
        kind="message/imdn+xml",
        imdn_id=f"of-{about}",
        content=["Content-Disposition: notification"],
    )


def field(body, name):
    """The value of a header in a CPIM body, outer or inner; None without one."""
    found = re.search(rb"^" + re.escape(name.encode()) + rb": ?(.*?)\r?$", body, re.MULTILINE | re.IGNORECASE)
    return found[1].decode() if found else None


def told(body):
    """What an IMDN says: the Message-ID it is about, and its status."""
    about = re.search(rb"<(?:\w+:)?message-id>(.*?)</", body)[1].decode()
    status = re.search(rb"<(?:\w+:)?status>\s*<(?:\w+:)?(\w+)", body)[1].decode()
    return about, status
