"""State folders of their own for tests that start real processes."""

import shutil
import tempfile
from pathlib import Path

import pytest

from gateway_project.postgres.cluster import Cluster


@pytest.fixture
def state_folder():
    """An empty one that an unprivileged server of root can reach, which pytest's tmp_path is not."""
    path = Path(tempfile.mkdtemp(prefix="parley-test-"))
    path.chmod(0o711)
    yield path
    Cluster(path).stop()  # in case a process that used it was killed
    shutil.rmtree(path)
