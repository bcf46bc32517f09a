"""A server's way to a cluster that goes, comes back, or never answers. Needs no Ray."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from hayakoe_engine import TTS
from hayakoe_engine.errors import BusyError, InferenceFailed, SourceUnreachable
from wyoming_hayakoe.cluster import connection
from wyoming_hayakoe.cluster.connection import Cluster
from wyoming_hayakoe.settings import load_settings

ENVOYS = Path(__file__).with_name("envoys.py")
HANG_S = 60.0
TEXT = "起きる時間です。"


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Nothing of it takes long."""
    monkeypatch.setattr(connection, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(connection, "LONGEST_PAUSE_S", 0.1)


@pytest.fixture
def cluster_with(tmp_path):
    """Returns a cluster whose processes have these fates, one after the other."""

    @contextmanager
    def cluster_with(*fates, **settings):
        cluster = {"address": "auto", "start_timeout_s": HANG_S, **settings}
        voices = {"hana": {"source": "file:///nowhere"}}
        values = load_settings(flags={"cluster": cluster, "voices": voices})
        command = (sys.executable, str(ENVOYS), ",".join(fates), str(tmp_path / "begun"))
        with Cluster(values, command) as cluster, TTS(threads=4) as tts:
            origin = cluster.origin(tts.phrases, "hana", values.voices["hana"])
            yield cluster, tts.load("mei").load("hana", source=origin)

    return cluster_with


def spoken(tts, **changes):
    """What is said, and what was said by the embedded voice."""
    with tts.speakers["hana"].open(stand_in=tts.speakers["mei"], **changes) as utterance:
        utterance.push(TEXT)
        utterance.finish()
        length_s = sum(audio.duration_s for audio in utterance)
        return length_s, [one.reason for one in utterance.replacements]


def eventually(look):
    """Wait until it is so."""
    limit = time.monotonic() + HANG_S
    while not look():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_replicas_speak(cluster_with):
    with cluster_with("well") as (_, tts):
        tts.prepare()
        assert spoken(tts) == (0.5, [])


def test_a_lost_cluster_is_joined_again(cluster_with):
    with cluster_with("die", "nobody", "nobody", "well") as (_, tts):
        tts.prepare()
        length_s, reasons = spoken(tts)
        assert length_s > 0.5
        assert [type(reason) for reason in reasons] == [InferenceFailed]
        eventually(lambda: spoken(tts) == (0.5, []))


def test_a_sentence_that_sounds_is_said_to_its_end_when_the_cluster_is_joined_again(cluster_with):
    with cluster_with("die-halfway", "well", window_timeout_s=HANG_S) as (_, tts):
        tts.prepare()
        assert spoken(tts) == (0.5, [])


def test_the_rest_of_a_sentence_is_not_waited_for_when_nobody_is_there(cluster_with):
    with cluster_with("die-halfway", "nobody", window_timeout_s=10 * HANG_S) as (_, tts):
        tts.prepare()
        with tts.speakers["hana"].open(stand_in=tts.speakers["mei"]) as utterance:
            utterance.push(TEXT * 2)
            utterance.finish()
            first, *others = utterance
            (replacement,) = utterance.replacements
    assert first.duration_s == 3000 / first.sample_rate_hz
    assert replacement.is_lost
    assert sum(audio.duration_s for audio in others) > 0.5  # the next sentence, by another voice


def test_a_cluster_that_is_silent_is_joined_again(cluster_with, monkeypatch):
    monkeypatch.setattr(connection, "LOST_S", 0.3)
    with cluster_with("silent", "well") as (_, tts):
        tts.prepare()
        monkeypatch.setattr(connection, "LOST_S", HANG_S)
        eventually(lambda: spoken(tts) == (0.5, []))


def test_who_prepares_a_voice_hears_that_nobody_is_there(cluster_with):
    with cluster_with("nobody", "well") as (_, tts):
        with pytest.raises(SourceUnreachable, match="nobody"):
            tts.prepare()
        eventually(lambda: tts.prepare() and spoken(tts) == (0.5, []))


def test_joining_does_not_take_for_ever(cluster_with, monkeypatch):
    monkeypatch.setattr(connection, "JOIN_S", 0.3)
    with (
        cluster_with("hang") as (_, tts),
        pytest.raises(SourceUnreachable, match="did not answer"),
    ):
        tts.prepare()


def test_closing_lets_nobody_wait(cluster_with):
    with cluster_with("silent", window_timeout_s=HANG_S) as (cluster, tts):
        tts.prepare()
        with tts.speakers["hana"].open() as utterance:
            utterance.push(TEXT)
            utterance.finish()
            cluster.close()
            with pytest.raises(InferenceFailed, match="the cluster"):
                list(utterance)
        with pytest.raises(BusyError, match="stopping"):
            tts.reload("hana")


def test_a_program_that_is_not_there_is_no_cluster(cluster_with):
    with cluster_with("well") as (cluster, tts):
        cluster._command = ("/nowhere/python",)
        with pytest.raises(SourceUnreachable, match="cannot begin the process"):
            tts.prepare()
