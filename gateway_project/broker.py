"""Celery's broker in files, for one machine without Redis: kombu's, so that no bad file ends whoever reads it.

kombu's own writes a task where a worker may be reading it, moves it to the temporary folder of the machine, and lets
whatever is wrong with one file end the worker. Here a file appears complete or not at all, whoever removes it has it,
and one that is no task is set aside, in `bad` beside the folder of tasks, and said once. A folder that is gone is made
again; where nothing can be opened or written, the next look or the next task finds out whether that is over.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from time import time_ns
from typing import Any, Final

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

from gateway_project import state
from sessions_app import json_text, shortage

LONGEST: Final = 1 << 20
"""Octets of a task; ours have a thousand."""
MOST_BAD: Final = 100
"""Files that are kept in `bad`, the newest."""

logger = logging.getLogger(__name__)


class Unusable(Exception):
    """A file is no task, and why."""


class Channel(filesystem.Channel):
    """See the module; `data_folder_in` and `data_folder_out` are one folder."""

    _trouble = ""

    # -- tasks -----------------------------------------------------------------------------------------------------

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        """Raises ChannelError where it cannot be written, as kombu's does: whoever sends it tries again or gives up."""
        path = self._folder / f"{time_ns() // 1_000_000:015}_{uuid.uuid4()}.{queue}.msg"
        try:
            _write(path, dumps(payload))
        except OSError as fault:
            raise ChannelError(f"a task cannot be written to {self._folder}: {shortage.words(fault)}") from fault

    def _get(self, queue: str) -> Any:
        """The oldest task of a queue. Raises Empty."""
        try:
            for path in self._of(queue):
                task = self._take(path)
                if task is not None:
                    self._say("")
                    return task
        except OSError as fault:  # of the folder, or of this process: no file is to blame
            self._say(f"tasks cannot be read from {self._folder}: {shortage.words(fault)}")
        else:
            self._say("")
        raise Empty

    def _take(self, path: Path) -> Any:
        """The task in a file, which is ours then; None where another was faster, or it is none."""
        try:
            task = self._read(path)
        except FileNotFoundError:
            return None
        except Unusable as why:
            self._set_aside(path, str(why))
            return None
        try:
            path.unlink()
        except FileNotFoundError:
            return None
        return task

    def _read(self, path: Path) -> Any:
        """Raises Unusable, FileNotFoundError, and OSError where the fault is not the file's."""
        try:
            # Neither a link to elsewhere nor a pipe that nobody writes into.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as fault:
            if shortage.of(fault):
                raise
            raise Unusable(fault.strerror) from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unusable("is no file")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(LONGEST + 1)
        finally:
            os.close(descriptor)
        if len(content) > LONGEST:
            raise Unusable(f"has more than {LONGEST} octets")
        return self._understand(content)

    def _understand(self, content: bytes) -> Any:
        """Only what kombu makes a message of, which it does where nobody would catch its error."""
        try:
            json_text.read(content)
            task = loads(content.decode())
            message = self.Message(task, channel=self)
            if not (isinstance(message.delivery_tag, str) and isinstance(message.headers, dict)):
                raise Unusable("has no headers or no delivery tag")
            if not isinstance(message.delivery_info, dict):
                raise Unusable("does not say how it is to be delivered")
        except Unusable:
            raise
        except Exception as fault:  # whatever kombu meets in it
            raise Unusable(f"is no task: {fault or type(fault).__name__}") from None
        return task

    def _set_aside(self, path: Path, why: str) -> None:
        """Raises OSError where it can neither be moved nor removed."""
        bad = path.parent.with_name("bad")
        try:
            state.private_folder(bad)
            path.rename(bad / path.name)
        except FileNotFoundError:
            return  # another was faster
        except OSError:
            path.unlink()
        logger.error("a task that is none was set aside", extra={"file": str(bad / path.name), "reason": why})
        for old in sorted(bad.glob("*"))[:-MOST_BAD]:
            with contextlib.suppress(OSError):
                old.unlink()

    @property
    def _folder(self) -> Path:
        return Path(self.data_folder_in)

    def _of(self, queue: str) -> Iterator[Path]:
        """Files of a queue, oldest first; the folder is made where it is missing."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            names = os.listdir(state.private_folder(self._folder))
        return (self._folder / name for name in sorted(names) if name.partition(".")[2] == f"{queue}.msg")

    def _size(self, queue: str) -> int:
        with contextlib.suppress(OSError):
            return sum(1 for _ in self._of(queue))
        return 0

    def _purge(self, queue: str) -> int:
        paths = list(self._of(queue))
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def _say(self, trouble: str) -> None:
        """Once, when it changes."""
        if trouble and trouble != self._trouble:
            logger.error(trouble)
        elif self._trouble and not trouble:
            logger.warning("tasks are read again")
        self._trouble = trouble

    # -- which queues there are ------------------------------------------------------------------------------------

    def get_table(self, exchange: str) -> list[Any]:
        """The bindings of an exchange: those in its file and our own. A file that is none has none."""
        own = self.state.exchanges.get(exchange, {}).get("table", [])
        return list(dict.fromkeys([*self._bindings(exchange), *(self._binding(*each) for each in own)]))

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Add one. The last of two that write at once wins: each has its own in memory, too."""
        wanted = self._binding(routing_key, pattern, queue)
        found = self._bindings(exchange)
        if wanted not in found:
            self._keep(exchange, [wanted, *found])

    def _delete(self, queue: str, exchange: str, routing_key: str, pattern: str, *_: Any, **__: Any) -> None:
        gone = self._binding(routing_key, pattern, queue)
        self._purge(queue)
        self._keep(exchange, [each for each in self._bindings(exchange) if each != gone])

    @staticmethod
    def _binding(routing_key: str, pattern: str | None, queue: str) -> Any:
        return filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")

    def _bindings(self, exchange: str) -> list[Any]:
        try:
            found = json_text.read(self._exchange_file(exchange).read_bytes())
            return [self._binding(*map(str, each)) for each in found]
        except (OSError, ValueError, TypeError):
            return []

    def _keep(self, exchange: str, bindings: list[Any]) -> None:
        path = self._exchange_file(exchange)
        try:
            _write(path, dumps(bindings))
        except OSError as fault:
            raise ChannelError(f"{path} cannot be written: {shortage.words(fault)}") from fault


class Transport(filesystem.Transport):
    """`CELERY_BROKER_TRANSPORT` where CELERY_BROKER_URL is filesystem://."""

    Channel = Channel


def _write(path: Path, text: str) -> None:
    """A file that appears complete or not at all, in a folder that is made where it is missing. Raises OSError."""
    state.private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{uuid.uuid4()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
