"""One target under atheris, in a process of its own: ``python -m tests.fuzz.with_atheris NAME [libFuzzer's options]``.

libFuzzer never returns, and what is to be instrumented must not have been imported before.
"""

from __future__ import annotations

import os
import sys

import atheris


def main() -> None:
    """Set up and run until libFuzzer ends the process."""
    name = sys.argv.pop(1)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    with atheris.instrument_imports(include=["protocols", "sessions_app.gateway"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    atheris.Setup(sys.argv, target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
