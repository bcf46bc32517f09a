"""Bytes from strangers end in an answer or in an error of our own, never in anything else."""

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"

spec = importlib.util.spec_from_file_location("fuzz_targets", HERE / "targets.py")
targets = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = targets
spec.loader.exec_module(targets)

FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
EXAMPLES = 60

unhurried = settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))


def seeds(name):
    return [path.read_bytes() for path in FILES if path.parent.name == name]


@st.composite
def near(draw, name):
    """A file of the corpus, cut, spliced with another one, or with some bytes changed."""
    known = st.sampled_from(seeds(name))
    data = bytearray(draw(known))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 40)))
        other = draw(known)
        data[start:stop] = draw(
            st.sampled_from([b"", b"\0", b"\xff", b"\n", b'"', b"9" * 20, other[:100]])
            | st.binary(max_size=8)
        )
    return bytes(data)


def test_every_target_has_a_corpus():
    assert {path.parent.name for path in FILES} == set(targets.TARGETS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_in_the_corpus_is_survived(path):
    targets.survive(path.parent.name, path.read_bytes())


@pytest.mark.parametrize("name", targets.TARGETS)
@unhurried
@given(data=st.data())
def test_what_is_near_the_corpus_is_survived(name, data):
    targets.survive(name, data.draw(near(name)))


@pytest.mark.parametrize("name", targets.TARGETS)
@unhurried
@given(data=st.binary(max_size=300))
def test_any_bytes_are_survived(name, data):
    targets.survive(name, data)
