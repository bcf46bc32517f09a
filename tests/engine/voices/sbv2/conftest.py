import sys
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[3] / "models"


@pytest.fixture(scope="session")
def voice_maker():
    """The module that makes voices with random weights."""
    pytest.importorskip("torch")
    sys.path.insert(0, str(MODELS))
    try:
        import make_voice
    finally:
        sys.path.remove(str(MODELS))
    return make_voice


@pytest.fixture(scope="session")
def miniature(voice_maker):
    """A small network with random weights."""
    return voice_maker.make_network()


@pytest.fixture(scope="session")
def miniature_folder(voice_maker, tmp_path_factory):
    """The same network, published, and its checkpoint."""
    folder = tmp_path_factory.mktemp("voice") / "mini"
    return voice_maker.make_voice(
        folder, with_durations=True, duration_predictor=True, checkpoint=True
    )
