import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
def miniature_folder(request, model_folder):
    """The same network, published, and its checkpoint."""

    def make(folder):
        request.getfixturevalue("voice_maker").make_voice(
            folder / "mini", with_durations=True, duration_predictor=True, checkpoint=True
        )

    return model_folder("miniature", make) / "mini"


@pytest.fixture(scope="session")
def repository(request, model_folder):
    """A folder laid out as the published repository, with two small voices."""
    pytest.importorskip("onnx")

    def make(root):
        voice_maker = request.getfixturevalue("voice_maker")
        sys.path.insert(0, str(MODELS))
        try:
            from make_bert import make_bert
        finally:
            sys.path.remove(str(MODELS))
        make_bert(root, width=voice_maker.MINIATURE.bert_width)
        voice_maker.make_voice(root / "onnx" / "speakers" / "hana")
        voice_maker.make_voice(root / "onnx" / "speakers" / "taro", seed=7, speakers=2)

    return model_folder("repository", make)


def load_all(cache, repository):
    """An engine with the voices of the repository."""
    from hayakoe_engine import TTS

    engine = TTS(cache_dir=cache, precision="exact", threads=2)
    for name in ("hana", "taro"):
        engine.load(name, source=f"file://{repository}")
    return engine


@pytest.fixture(scope="session")
def cache(repository, model_folder, tmp_path_factory):
    """A cache in which the voices of the repository are installed."""

    def make(folder):
        with load_all(folder, repository) as engine:
            engine.prepare()

    cache = tmp_path_factory.mktemp("cache") / "cache"
    return Path(shutil.copytree(model_folder("cache", make), cache))


@pytest.fixture(scope="session")
def tts(repository, cache):
    with load_all(cache, repository) as engine:
        yield engine.prepare()


@pytest.fixture
def hana(tts):
    return tts.speakers["hana"]


@pytest.fixture
def occupied():
    """Returns a context in which the device of a torch backend is busy until so many wait."""
    from hayakoe_engine.voices.sbv2.torch.batching import alone

    @contextmanager
    def occupied(backend, until):
        gate, began = backend._device.gate, threading.Event()

        def wait():
            began.set()
            while len(gate._waiting) < until:
                threading.Event().wait(0.001)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(alone, gate, wait)
            assert began.wait(30)
            yield

    return occupied
