import numpy as np
import onnxruntime as ort
import pytest

pytest.importorskip("onnx")


@pytest.fixture(scope="session")
def open_graph():
    """Makes a session of a model or of a file."""

    def make(model):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        source = model.SerializeToString() if hasattr(model, "SerializeToString") else str(model)
        return ort.InferenceSession(source, options, ["CPUExecutionProvider"])

    return make


@pytest.fixture(scope="session")
def run(open_graph):
    """Runs a model once: inputs by name to its first output."""
    return lambda model, **feeds: open_graph(model).run(None, feeds)[0]


@pytest.fixture(scope="session")
def plain_folder(request, model_folder):
    """A voice as older files have it: one output, equal weights written once; three speakers."""

    def make(folder):
        voice_maker = request.getfixturevalue("voice_maker")
        voice_maker.make_voice(folder / "plain", speakers=3, duplicates=True)

    return model_folder("plain", make) / "plain"


@pytest.fixture(scope="session", params=["with durations", "plain"])
def published(request):
    """A published synthesizer, in each of the layouts."""
    fixture = "miniature_folder" if request.param == "with durations" else "plain_folder"
    return request.getfixturevalue(fixture) / "synthesizer.onnx"


@pytest.fixture(scope="session")
def parts(published):
    """The parts of a published synthesizer."""
    from hayakoe_engine.voices.sbv2.install.synthesizer import split_synthesizer

    return split_synthesizer(published)


@pytest.fixture(scope="session")
def plain_parts(plain_folder):
    """The parts of one published synthesizer."""
    from hayakoe_engine.voices.sbv2.install.synthesizer import split_synthesizer

    return split_synthesizer(plain_folder / "synthesizer.onnx")


@pytest.fixture(scope="session")
def decoder_weights(plain_parts):
    """Its decoder."""
    from hayakoe_engine.voices.sbv2.install.decoder import read_decoder

    return read_decoder(plain_parts.decoder)


@pytest.fixture
def draw():
    """Draws standard normal float32 arrays."""
    rng = np.random.default_rng(1)
    return lambda *shape: rng.standard_normal(shape, np.float32)


@pytest.fixture(scope="session")
def snr_db():
    """How much stronger a reference is than the difference of another array from it."""

    def compute(reference, other):
        assert reference.shape == other.shape
        wanted = reference.astype(np.float64)
        return 20 * np.log10(np.linalg.norm(wanted) / (np.linalg.norm(other - wanted) or 1e-30))

    return compute


@pytest.fixture(scope="session")
def renamed():
    """A copy of a model in which a part of all names is another one."""

    def make(model, part):
        copy = type(model)()
        copy.CopyFrom(model)
        for tensor in copy.graph.initializer:
            tensor.name = tensor.name.replace(part, "x")
        for node in copy.graph.node:
            node.input[:] = [name.replace(part, "x") for name in node.input]
            node.output[:] = [name.replace(part, "x") for name in node.output]
        return copy

    return make
