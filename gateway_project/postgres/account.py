"""Under which account the server runs. PostgreSQL refuses root, so root's server runs under an unprivileged uid."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from gateway_project.env import EnvError

UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine."""

    uid: int
    gid: int
    name: str

    @property
    def other(self) -> bool:
        """Whether this process has to change to it."""
        return self.uid != os.geteuid()

    def may_enter(self, path: Path) -> bool:
        """Whether this account can pass through every folder from / to `path`, by the permission bits."""
        return all(self._may_search(folder) for folder in (path, *path.parents))

    def _may_search(self, folder: Path) -> bool:
        mode = folder.stat()
        if mode.st_uid == self.uid:
            return bool(mode.st_mode & stat.S_IXUSR)
        if mode.st_gid == self.gid:
            return bool(mode.st_mode & stat.S_IXGRP)
        return bool(mode.st_mode & stat.S_IXOTH)


def server_account(data: Path) -> Account:
    """Who runs the server of the data folder `data`: its owner, else this user, else (for root) an unprivileged one.

    Raises EnvError when this process can be neither.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner != os.geteuid():
            raise EnvError(
                "PARLEY_STATE_DIR",
                f"{data} belongs to another user (uid {owner}), start as that user or choose another folder",
            )
        return _lookup(os.geteuid())
    if owner:
        return _lookup(owner)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise EnvError(
            "DATABASE_URL", f"root needs an account {UNPRIVILEGED!r} for the embedded PostgreSQL, or set it"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _lookup(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        # initdb and peer authentication both ask for the name
        raise EnvError(
            "DATABASE_URL", f"uid {uid} has no account name, which the embedded PostgreSQL needs, or set it"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)
