"""The state folder: secrets that only their owner reads, and the lock that lets one gateway live in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from gateway_project.env import EnvError

OTHERS = 0o077
READ_OR_WRITTEN = 0o066
CONTENTS = frozenset({"secret-key", "admin-password", "gateway.pid", "postgres", "postgres.lock", "broker"})
"""Names that show whose folder it is."""


def prepare(folder: Path) -> Path:
    """Make the state folder where it is missing, close it where it is open to others, and return its real path.

    Raises EnvError naming PARLEY_STATE_DIR when it cannot be made, written to, or kept from others.
    """
    try:
        # Root's embedded database runs under another uid that must pass through; what is secret has its own 0600.
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise EnvError("PARLEY_STATE_DIR", f"cannot make folder {str(folder)!r}: {fault.strerror}") from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise EnvError("PARLEY_STATE_DIR", f"cannot write to {str(folder)!r}, choose a folder of this user")
    folder = folder.resolve()
    names = os.listdir(folder)
    ours = not names or bool(CONTENTS.intersection(names))
    _close(folder, READ_OR_WRITTEN if os.geteuid() == 0 else OTHERS, ours)
    return folder


def private_folder(path: Path) -> Path:
    """A folder in the state folder that only its owner enters."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _close(path, OTHERS, ours=True)
    return path


def _close(folder: Path, refused: int, ours: bool) -> None:
    """Take the bits `refused` from the mode of a folder: whoever may write there could put a key of his into it.

    Not from one that others use, too, such as /tmp: that is none to keep secrets in. Raises EnvError.
    """
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not mode & refused:
        return
    if ours and not mode & stat.S_ISVTX:
        with contextlib.suppress(PermissionError):  # of a folder that is somebody else's, as a volume may be
            folder.chmod(mode & ~refused)
            if mode & READ_OR_WRITTEN:
                _warn(f"{folder} was open to other users (mode {mode:o}), and is not any more")
            return
    if mode & stat.S_IWOTH:
        raise EnvError(
            "PARLEY_STATE_DIR", f"any user may write to {str(folder)!r} (mode {mode:o}), choose a folder of its own"
        )


def read_secret(path: Path) -> str | None:
    """The secret kept in `path`, or None where there is none yet. A file that others could read is closed to them.

    Raises EnvError when it cannot be read, or is of somebody who has nothing to do here.
    """
    try:
        with path.open(encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            if status.st_uid not in (0, os.geteuid(), path.parent.stat().st_uid):
                raise EnvError(
                    "PARLEY_STATE_DIR", f"{str(path)!r} belongs to another user (uid {status.st_uid}), remove it"
                )
            mode = stat.S_IMODE(status.st_mode)
            if mode & OTHERS:
                _warn(f"other users could read {path} (mode {mode:o}): what is in it may be known to them")
                with contextlib.suppress(PermissionError):
                    os.fchmod(file.fileno(), mode & ~OTHERS)
            return file.read().strip() or None
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise EnvError("PARLEY_STATE_DIR", f"cannot read {str(path)!r}: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise EnvError("PARLEY_STATE_DIR", f"{str(path)!r} is no text, remove it") from None


def _warn(text: str) -> None:
    """Settings are being read, so there is no log yet."""
    print(f"parley: PARLEY_STATE_DIR: {text}", file=sys.stderr)


def keep_secret(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(48)) -> tuple[str, bool]:
    """The secret in `path`, made and kept at mode 0600 on first use; and whether it was made just now.

    Processes that start together agree on one, and the file appears complete or not at all.
    """
    found = read_secret(path)
    if found is not None:
        return found, False
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        found = read_secret(path)
        if found is not None:
            return found, False  # another was faster
        secret = make()
        draft = path.with_name(f".{path.name}.new")
        draft.unlink(missing_ok=True)  # of one that was killed here
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secret + "\n")
        draft.replace(path)
    finally:
        os.close(folder)
    return secret, True


class PidLock:
    """`gateway.pid`: its content tells an operator whom to signal, its lock tells whether that process lives.

    The lock goes with the process, however it ends: a stale file is just taken over, a recycled pid means nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Raises EnvError naming PARLEY_STATE_DIR while another process holds the folder."""
        while self._fd is None:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
                os.close(fd)
                raise EnvError(
                    "PARLEY_STATE_DIR",
                    f"a gateway (pid {holder}) already runs on {self.path.parent}, stop it or choose another folder",
                ) from None
            if self._still_at_path(fd):
                self._fd = fd
            else:  # the former holder removed the file between our open and our lock
                os.close(fd)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        if self._fd is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = None

    def _still_at_path(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), os.stat(self.path))
        except FileNotFoundError:
            return False
