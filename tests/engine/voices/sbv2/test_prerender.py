"""Sentences that are made ahead, and spoken later, also by another process."""

import numpy as np
import pytest

from hayakoe_engine import TTS
from hayakoe_engine.errors import EmptyText

TEXT = "起きる時間です。おはようございます。"


@pytest.fixture
def open_engine(repository, cache, tmp_path):
    """Engines that share what is installed, and what they remember."""
    engines = []

    def open_engine(phrase_store_mb=16, **kwargs):
        tts = TTS(
            cache_dir=cache,
            precision="exact",
            threads=2,
            phrase_store_mb=phrase_store_mb,
            phrase_dir=tmp_path / "phrases",
            **kwargs,
        )
        engines.append(tts)
        return tts.load("hana", source=f"file://{repository}").prepare()

    yield open_engine
    for tts in engines:
        tts.close()


def test_what_was_made_ahead_is_spoken_by_another_engine_without_being_made(open_engine):
    first = open_engine()
    made = first.speakers["hana"].prerender(TEXT, volume=0.8)
    assert made.kept == "disk"
    spoken = first.speakers["hana"].generate(TEXT, volume=0.8)
    assert made.audio_s == pytest.approx(spoken.duration_s)
    assert first.phrase_cache.memory_hits == 2

    second = open_engine()
    again = second.speakers["hana"].generate(TEXT, volume=0.8)
    assert np.array_equal(again.pcm16(), spoken.pcm16())
    assert again.timings == spoken.timings
    figures = second.phrase_cache
    assert (figures.disk_hits, figures.misses) == (2, 0)
    assert second.speakers["hana"].generate(TEXT).duration_s > 0.5
    assert second.phrase_cache.misses == 2, "another volume is another sound"


def test_a_running_engine_finds_what_another_one_makes_ahead(open_engine):
    running, other = open_engine(), open_engine()
    running.speakers["hana"].generate("はい。")
    other.speakers["hana"].prerender(TEXT)
    running.speakers["hana"].generate(TEXT)
    assert running.phrase_cache.disk_hits == 2


def test_warming_up_is_not_remembered(open_engine):
    tts = open_engine()
    assert tts.phrase_cache.memory_phrases == 0
    assert tts.phrase_cache.misses == 0
    tts.speakers["hana"].generate("はい。")
    assert tts.phrase_cache.misses == 1


def test_without_a_store_it_is_kept_until_the_end(open_engine, tmp_path):
    tts = open_engine(phrase_store_mb=0)
    assert tts.speakers["hana"].prerender(TEXT).kept == "memory"
    tts.speakers["hana"].generate(TEXT)
    assert tts.phrase_cache.memory_hits == 2
    assert not (tmp_path / "phrases").exists()


async def test_it_can_be_awaited(open_engine):
    tts = open_engine()
    made = await tts.speakers["hana"].aprerender(f"<speak>{TEXT}</speak>", markup="ssml")
    assert made.kept == "disk"
    assert made.audio_s > 0.5
    assert tts.phrase_cache.disk_phrases == 2
    with pytest.raises(EmptyText):
        await tts.speakers["hana"].aprerender("。")


def test_the_embedded_voice_keeps_nothing(mei):
    made = mei.prerender("おはようございます。")
    assert made.kept == "nowhere"
    assert made.audio_s > 0.5


def test_everybody_else_goes_first(gated_voice, speaker_of):
    """What is made ahead waits while somebody is spoken to."""
    voice = gated_voice()
    speaker = speaker_of(voice, threads=1)
    with speaker.open() as listener:
        listener.push("さきのぶん。")
        assert voice.begun.wait(30)
        with speaker._ahead("あとのぶん。", None, None, {}):
            listener.push("つぎのぶん。")
            listener.finish()
            voice.gate.set()
            assert len(list(listener)) == 10
            assert voice.sentences[:2] == ["さきのぶん。", "つぎのぶん。"]
