"""The add-on's own parts, and a Supervisor on the loopback interface."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "addon"))
sys.path.insert(0, str(Path(__file__).parent))

from fake_supervisor import FakeSupervisor  # noqa: E402 - its folder had to be named first


@pytest.fixture
def supervisor():
    with FakeSupervisor() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def folders(tmp_path):
    """The container's folders; the user has entered nothing."""
    from hayakoe_addon.folders import Folders

    names = ("data", "config", "share", "baked", "run")
    for name in names:
        (tmp_path / name).mkdir()
    return Folders(**{name: tmp_path / name for name in names})
