"""The project's settings in an environment of the tests' own.

pytest-django reads settings before it reads any conftest.py, so this is the one place early enough to say that tests
never touch the state folder, and so the database, of a gateway that somebody runs from this tree.
"""

import os
import tempfile
from pathlib import Path

STATE = Path(tempfile.mkdtemp(prefix="parley-test-"))
STATE.chmod(0o711)  # root's embedded server runs under another uid

for _name in ("DEBUG", "SECRET_KEY", "HTTPS_ONLY", "CELERY_BROKER_URL", "PARLEY_ADMIN_PASSWORD"):
    os.environ.pop(_name, None)
os.environ["PARLEY_STATE_DIR"] = str(STATE)

from gateway_project.settings import *  # noqa: E402, F403

DATABASES["default"]["MAKE"] = True  # noqa: F405 - what a gateway's bootstrap does
AXES_ENABLED = False  # but for its own tests
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # slow ones only cost time here
