"""The decoder is run in the form that is the fastest on the machine, found out once."""

import json
import logging
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from hayakoe_engine import TTS
from hayakoe_engine.voices.sbv2 import decoder_form
from hayakoe_engine.voices.sbv2.artifact_record import ArtifactRecord
from hayakoe_engine.voices.sbv2.decoder_form import fastest_form, forms_of
from hayakoe_engine.voices.sbv2.installed import DecoderForm, VoiceManifest
from hayakoe_engine.voices.sbv2.onnx import graphs_of, size_bytes
from hayakoe_engine.voices.sbv2.sessions import machine_name

TEXT = "お風呂が沸きました。"
STILL = {"sdp_ratio": 0.0, "noise": 0.0}


@pytest.fixture
def part(monkeypatch):
    """Makes sessions that take as long as they are told."""
    now_s = 0.0
    monkeypatch.setattr(decoder_form.time, "thread_time", lambda: now_s)

    def session(cost_s):
        def run(_, feeds):
            nonlocal now_s
            now_s += cost_s
            return [np.zeros((8 * feeds.get("z", np.zeros((1, 2, 0))).shape[2], 4), np.float32)]

        shapes = {"z": [1, 2, "frames"], "speaker_vector": [1, 3, 1]}
        inputs = [SimpleNamespace(name=name, shape=shape) for name, shape in shapes.items()]
        return SimpleNamespace(run=run, get_inputs=lambda: inputs)

    return lambda costs_s: {form: session(cost_s) for form, cost_s in costs_s.items()}


HEADS = {(0,): 0.3, (): 0.6}
TAILS = {(1, 2): 1.2, (1,): 1.5, (): 1.8}


@pytest.mark.parametrize(
    ("heads", "tails", "stages"),
    [
        ({}, {}, (0, 1, 2)),
        ({(): 0.1}, {}, (1, 2)),
        ({}, {(1,): 0.9}, (0, 1)),
        ({}, {(): 0.9}, (0,)),
        ({(): 0.29}, {(1,): 1.15, (): 1.19}, (0, 1, 2)),
    ],
    ids=["fast", "slow head", "slow last stage", "slow tail", "hardly slower"],
)
def test_the_fastest_form_is_taken(part, heads, tails, stages):
    form = fastest_form(part({**HEADS, **heads}), part({**TAILS, **tails}), 15)
    assert form.fast_stages == stages
    assert form.machine == machine_name()
    assert form.frame_costs_s["decoder_tail-1-2.onnx"] == pytest.approx(1.2 / 30)
    assert form.frame_costs_s["decoder_head-0.onnx"] == pytest.approx(0.3 / 30)
    assert len(form.frame_costs_s) == 5


def test_the_fewer_channels_the_sooner_a_stage_is_direct():
    assert forms_of([0, 1, 2]) == ([(0,), ()], [(1, 2), (1,), ()])
    assert forms_of([2, 3]) == ([()], [(2, 3), (2,), ()])
    assert forms_of([]) == ([()], [()])


def test_a_form_says_which_graphs_are_run():
    form = DecoderForm("here", (0, 1, 2), {})
    assert form.files("exact") == ("decoder_head-0.onnx", "decoder_tail-1-2.onnx")
    assert form.files("balanced") == form.files("exact")
    assert form.files("fast") == ("decoder_head_int8.onnx", "decoder_tail_int8-2.onnx")
    assert DecoderForm("here", (), {}).files("exact") == ("decoder_head.onnx", "decoder_tail.onnx")


def test_all_forms_are_installed_and_their_size_is_known(cache):
    folder = next((cache / "installed").glob("voice-*"))
    manifest = VoiceManifest.read(folder)
    assert manifest.decoder_form.machine == machine_name()
    assert set(manifest.decoder_form.frame_costs_s) == {
        "decoder_head-0.onnx",
        "decoder_head.onnx",
        "decoder_tail.onnx",
    }
    every = {graph.name for graph in folder.glob("decoder*.onnx")}
    assert set(manifest.decoder_bytes) == every
    for precision in ("exact", "balanced", "fast"):
        files = graphs_of(manifest, precision)
        least = sum((folder / name).stat().st_size for name in files)
        most = least + (folder / "decoder.weights").stat().st_size
        assert least < size_bytes(folder, manifest, precision) <= most


@pytest.fixture
def from_elsewhere(cache, tmp_path):
    """A cache that comes from another machine, on which the direct form was the fastest one."""
    shutil.copytree(cache / "installed", tmp_path / "cache" / "installed")
    for file in tmp_path.glob("cache/installed/voice-*/manifest.json"):
        manifest = json.loads(file.read_text())
        manifest["decoder_form"] = {"machine": "m68k", "fast_stages": [], "frame_costs_s": {}}
        file.write_text(json.dumps(manifest))
    return tmp_path / "cache"


@pytest.fixture
def speak(repository, caplog):
    """Says something with a new engine; returns it, and how often forms were timed."""

    def run(cache, **settings):
        caplog.clear()
        settings = {"precision": "exact", "threads": 2, **settings}
        with caplog.at_level(logging.INFO), TTS(cache_dir=cache, **settings) as tts:
            hana = tts.load("hana", source=str(repository)).prepare().speakers["hana"]
            samples = hana.generate(TEXT, **STILL).samples
            misses = tts.phrase_cache.misses
        return samples, caplog.text.count("timing the decoder"), misses

    return run


def tuned(root):
    """Names of the copies made for this machine."""
    return {path.name for path in root.glob("*/voice-*/decoder_*") if path.is_dir()}


def note(cache):
    """What was found out on this machine."""
    (voice,) = (path for path in cache.glob("installed/voice-*") if _is_hana(path))
    return cache / "tuned" / machine_name() / voice.name / "decoder-form.json"


def _is_hana(folder):
    return ArtifactRecord.read(folder).names == ("hana",)


def found_out(cache, fast_stages):
    form = {"machine": machine_name(), "fast_stages": fast_stages, "frame_costs_s": {}}
    note(cache).parent.mkdir(parents=True, exist_ok=True)
    note(cache).write_text(json.dumps(form))


def test_on_another_machine_it_is_found_out_once(from_elsewhere, hana, speak):
    note(from_elsewhere).parent.mkdir(parents=True)
    note(from_elsewhere).write_bytes(b"\xff")  # nobody understands that
    said, timings, _ = speak(from_elsewhere)
    assert timings == 1
    form = json.loads(note(from_elsewhere).read_text())
    assert form["machine"] == machine_name()
    assert len(form["frame_costs_s"]) == 3
    assert len(tuned(from_elsewhere / "tuned")) == 2  # none of those that were only timed
    again, timings, _ = speak(from_elsewhere)
    assert timings == 0
    here = hana.generate(TEXT, **STILL).samples
    for samples in (said, again):
        assert np.linalg.norm(samples - here) < 1e-3 * np.linalg.norm(here)


@pytest.mark.parametrize(("fast_stages", "graph"), [([], "decoder_head"), ([0], "decoder_head-0")])
def test_what_was_found_out_is_what_is_run(from_elsewhere, hana, speak, fast_stages, graph):
    found_out(from_elsewhere, fast_stages)
    samples, timings, _ = speak(from_elsewhere)
    assert timings == 0
    assert tuned(from_elsewhere / "tuned") == {graph, "decoder_tail"}
    here = hana.generate(TEXT, **STILL).samples
    assert np.linalg.norm(samples - here) < 1e-3 * np.linalg.norm(here)


def test_what_was_said_in_one_form_is_not_remembered_as_said_in_another(from_elsewhere, speak):
    for fast_stages, misses in (([0], 1), ([], 1), ([0], 0)):
        found_out(from_elsewhere, fast_stages)
        assert speak(from_elsewhere, phrase_store_mb=10)[1:] == (0, misses)


def test_where_nothing_can_be_kept_nothing_is_timed(from_elsewhere, tmp_path, hana, speak):
    (tmp_path / "file").write_bytes(b"")
    for _ in range(2):
        samples, timings, _ = speak(from_elsewhere, tuned_dir=tmp_path / "file" / "tuned")
        assert timings == 0
        here = hana.generate(TEXT, **STILL).samples
        assert np.linalg.norm(samples - here) < 1e-3 * np.linalg.norm(here)
