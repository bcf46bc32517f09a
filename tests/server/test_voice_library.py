"""Voices that come and go while a server runs."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
import yaml

from hayakoe_engine.errors import BadOption, BadVoiceFiles, BusyError, VoiceNotFound
from hayakoe_engine.scheduler import Priority
from hayakoe_engine.sources.progress import FetchProgress
from hayakoe_engine.tts import TTS
from hayakoe_engine.voices.voice import VoiceInfo
from wyoming_hayakoe import voice_library
from wyoming_hayakoe.added_voices import AddedVoices
from wyoming_hayakoe.info import build_info
from wyoming_hayakoe.settings import NeuralVoice, load_settings
from wyoming_hayakoe.speech import Request, Speech
from wyoming_hayakoe.voice_library import VoiceLibrary

HANG_S = 30.0
RATE_HZ = 16_000
SOURCE = "file:///somewhere"


class Tone:
    """A voice that says everything with samples of one level."""

    def __init__(self, name, level=0.5, styles=("Neutral", "Happy")):
        self.level = level
        self.closed = threading.Event()
        self.info = VoiceInfo(
            name=name,
            title=f"{name}さん",
            sample_rate_hz=RATE_HZ,
            licence="CC0",
            credit="",
            url="",
            version="1",
            styles=styles,
        )

    def begin(self, *_):
        yield np.full(RATE_HZ // 10, self.level, np.float32)

    def close(self):
        self.closed.set()


class Workshop:
    """Makes voices, when it is allowed to."""

    def __init__(self):
        self.open = threading.Event()
        self.failure = None
        self.level = 0.5
        self.arriving = None
        self.begun = []
        self.made = []
        self.renewed = []

    def origin(self, name, _):
        def make():
            self.begun.append(name)
            assert self.open.wait(HANG_S)
            if self.failure is not None:
                raise self.failure
            if self.arriving is not None:
                self.arriving()
            self.made.append(Tone(name, self.level))
            return self.made[-1]

        return make

    def renew(self, name, voice, *, update):
        self.renewed.append((name, voice.source, update))


@pytest.fixture
def workshop():
    made = Workshop()
    yield made
    made.open.set()


@pytest.fixture
def library(workshop, tmp_path):
    """Makes a library, as at the start of a server."""
    made = []

    def make(*, start=True, **settings):
        tts = TTS(threads=1).load("mei").prepare()
        added = AddedVoices(tmp_path / "hayakoe" / "voices.yaml")
        loaded = load_settings(None, settings)
        library = VoiceLibrary(tts, loaded, added, origin=workshop.origin, renew=workshop.renew)
        made.append((library, tts))
        if start:
            library.start()
        return library

    yield make
    workshop.open.set()
    for library, tts in made:
        library.end()
        tts.close()
        assert library.stop()


def described(library):
    (program,) = build_info(library.book).tts
    return {voice.name: voice.description for voice in program.voices}


async def until(check):
    async with asyncio.timeout(HANG_S):
        while not check():  # noqa: ASYNC110 - it changes in another thread
            await asyncio.sleep(0.01)


async def say(library, voice=None, **request):
    """All samples."""
    speech = Speech(library.book, max_text_chars=100, fallback_after_s=10.0)
    narration = speech.begin(Request(voice=voice, interface="test", **request))
    narration.push("はい。")
    narration.finish()
    samples = np.concatenate([audio.samples async for audio in narration])
    narration.close()
    return samples


def is_tone(samples, level=0.5):
    return bool((samples == np.float32(level)).all())


ONE = {"voices": {"tone": {"source": SOURCE}}}


async def test_the_embedded_voice_answers_until_a_voice_is_ready(library, workshop):
    voices = library(**ONE, voice="tone:Happy", presets={"loud": {"voice": "tone", "volume": 2.0}})
    assert described(voices) == {
        "tone:Happy": "★ tone（準備中）",
        "mei": "メイ（女性・内蔵）",
        "tone": "・tone（準備中）",
        "loud": "・loud",
    }
    assert [(s.name, s.state) for s in voices.statuses()] == [("tone", "loading")]
    for name in (None, "tone", "tone:Happy", "tone:Whatever", "loud"):
        assert not is_tone(await say(voices, name))
    workshop.open.set()
    await until(lambda: voices.is_settled)
    assert described(voices) == {
        "tone:Happy": "★ toneさん・Happy",
        "mei": "メイ（女性・内蔵）",
        "tone": "・toneさん",
        "tone:Neutral": "・toneさん・Neutral",
        "loud": "・loud",
    }
    assert [s.state for s in voices.statuses()] == ["ready"]
    for name in (None, "tone", "tone:Happy", "loud"):
        assert is_tone(await say(voices, name))


async def test_who_wants_no_other_voice_is_told_to_come_back(library):
    voices = library(**ONE)
    with pytest.raises(BusyError, match="voice tone is being made ready"):
        await say(voices, "tone", may_fall_back=False)


async def test_an_added_voice_is_there_at_once_and_after_a_restart(library, workshop):
    workshop.open.set()
    voices = library()
    books = []
    voices.follow(books.append)
    await voices.add("tone", NeuralVoice(source=SOURCE, title="トーン"))
    assert "tone" in described(voices)
    assert books
    await until(lambda: voices.is_settled)
    assert described(voices)["tone"].endswith("トーン")
    assert is_tone(await say(voices, "tone"))
    assert [(s.is_added, s.source) for s in voices.statuses()] == [(True, SOURCE)]
    again = library()
    assert "tone" in described(again)


async def test_a_removed_voice_is_gone_at_once_and_for_good(library, workshop, tmp_path):
    workshop.open.set()
    voices = library()
    await voices.add("tone", NeuralVoice(source=SOURCE))
    await until(lambda: voices.is_settled)
    await voices.remove("tone")
    assert "tone" not in described(voices)
    assert voices.statuses() == []
    assert "tone" not in described(library())
    assert yaml.safe_load((tmp_path / "hayakoe" / "voices.yaml").read_text()) == {}
    await until(workshop.made[0].closed.is_set)


@pytest.mark.parametrize("is_added_again", [False, True])
@pytest.mark.parametrize("is_arriving", [False, True])
async def test_nobody_waits_for_the_files_of_a_voice_that_was_removed(
    library, workshop, is_added_again, is_arriving
):
    voices = library()
    seen = []
    if is_arriving:
        progress = FetchProgress("hf://me/voices", "", "", 1, 2, 1, 2)
        workshop.arriving = lambda: voices.note(progress)
    await voices.add("tone", NeuralVoice(source=SOURCE))
    await until(lambda: workshop.begun == ["tone"])
    await voices.remove("tone")
    if is_added_again:
        await voices.add("tone", NeuralVoice(source=SOURCE))
        voices.follow(lambda book: seen.append([choice.name for choice in book]))
    await voices.add("other", NeuralVoice(source=SOURCE))
    workshop.open.set()
    await until(lambda: voices.is_settled)
    made = ["tone"] * ((not is_arriving) + is_added_again) + ["other"]
    assert [voice.info.name for voice in workshop.made] == made
    assert all("tone" in names for names in seen)
    assert [s.state for s in voices.statuses()] == ["ready"] * (1 + is_added_again)


async def test_a_server_that_stops_begins_no_further_voice(library, workshop):
    voices = library(voices={name: {"source": SOURCE} for name in ("a", "b", "c")})
    await until(lambda: workshop.begun == ["a"])
    voices.end()
    workshop.open.set()
    await until(voices.stop)
    assert workshop.begun == ["a"]
    assert [s.state for s in voices.statuses()] == ["loading"] * 3


async def test_a_voice_of_the_settings_cannot_be_removed(library, workshop):
    workshop.open.set()
    voices = library(**ONE)
    with pytest.raises(BadOption, match=r"voices\.tone"):
        await voices.remove("tone")
    with pytest.raises(VoiceNotFound, match="the neural voices are tone"):
        await voices.remove("flute")


@pytest.mark.parametrize("name", ["mei", "tone", "night"])
async def test_a_name_that_is_taken(library, name):
    voices = library(**ONE, presets={"night": {"voice": "mei"}})
    with pytest.raises(BadOption, match=f"there is a voice '{name}' already"):
        await voices.add(name, NeuralVoice(source=SOURCE))


async def test_a_voice_made_anew_takes_over_between_two_utterances(library, workshop):
    workshop.open.set()
    voices = library(**ONE)
    await until(lambda: voices.is_settled)
    workshop.level = 0.25
    await voices.reload("tone")
    await until(lambda: len(workshop.made) == 2)
    await until(workshop.made[0].closed.is_set)
    assert is_tone(await say(voices, "tone"), 0.25)


@pytest.mark.parametrize("update", [False, True])
async def test_who_speaks_elsewhere_makes_it_anew_first(library, workshop, update):
    workshop.open.set()
    voices = library(**ONE)
    await until(lambda: voices.is_settled)
    await voices.reload("tone", update=update)
    await until(lambda: len(workshop.made) == 2)
    assert workshop.renewed == [("tone", SOURCE, update)]


async def test_a_voice_that_cannot_be_made_anew_stays(library, workshop, caplog):
    workshop.open.set()
    voices = library(**ONE)
    await until(lambda: voices.is_settled)
    workshop.failure = BadVoiceFiles("it is broken")
    await voices.reload("tone")
    await until(lambda: voices.statuses()[0].failure == "it is broken")
    assert voices.statuses()[0].state == "ready"
    assert is_tone(await say(voices, "tone"))
    await until(lambda: "voice tone stays as it was: it is broken" in caplog.messages)


async def test_a_voice_that_fails_is_missing_and_can_be_made_anew(library, workshop, caplog):
    workshop.open.set()
    workshop.failure = BadVoiceFiles("it is broken")
    voices = library(**ONE, voice="tone")
    await until(lambda: voices.is_settled)
    (status,) = voices.statuses()
    assert (status.state, status.failure) == ("failed", "it is broken")
    assert list(described(voices)) == ["mei"]
    said = "voice names a voice that is not there; mei speaks in its place"
    await until(lambda: said in caplog.messages)
    workshop.failure = None
    await voices.reload("tone")
    await until(lambda: voices.statuses()[0].state == "ready")
    assert is_tone(await say(voices))


async def test_whatever_a_voice_fails_with_the_next_one_is_made(library, workshop):
    workshop.open.set()
    workshop.failure = RuntimeError("what is this?")
    voices = library(**ONE)
    await until(lambda: voices.is_settled)
    assert voices.statuses()[0].failure == "RuntimeError: what is this?"
    workshop.failure = None
    await voices.add("other", NeuralVoice(source=SOURCE))
    await until(lambda: voices.is_settled)
    assert is_tone(await say(voices, "other"))


async def test_a_source_that_did_not_answer_is_asked_again(library, workshop, monkeypatch):
    from hayakoe_engine.errors import SourceUnreachable

    monkeypatch.setattr(voice_library, "RETRY_S", 0.05)
    workshop.open.set()
    workshop.failure = SourceUnreachable("nobody answers")
    voices = library(**ONE)
    await until(lambda: voices.statuses()[0].state == "failed")
    workshop.failure = None
    await until(lambda: voices.statuses()[0].state == "ready")


async def test_a_preset_of_a_style_that_turns_out_not_to_exist_speaks_without(
    library, workshop, caplog
):
    workshop.open.set()
    voices = library(**ONE, presets={"night": {"voice": "tone", "style": "Whisper"}})
    await until(lambda: voices.is_settled)
    assert is_tone(await say(voices, "night"))
    await until(lambda: any(m.startswith("presets.night.style: ") for m in caplog.messages))


async def test_a_damaged_file_of_added_voices_does_not_stop_the_server(library, tmp_path, caplog):
    file = tmp_path / "hayakoe" / "voices.yaml"
    file.parent.mkdir()
    file.write_text("tone: [")
    voices = library()
    assert list(described(voices)) == ["mei"]
    assert any("the voices that were added are not there" in m for m in caplog.messages)
    await voices.add("tone", NeuralVoice(source=SOURCE))
    assert file.read_text() == "tone: ["


async def test_too_many_voices(library, monkeypatch):
    monkeypatch.setattr(voice_library, "MAX_ADDED", 1)
    voices = library()
    await voices.add("tone", NeuralVoice(source=SOURCE))
    with pytest.raises(BadOption, match="1 voices have been added already"):
        await voices.add("other", NeuralVoice(source=SOURCE))


# What clients ask for


@pytest.mark.parametrize(
    ("name", "priority"),
    [
        ("mei@alarm", Priority.ALARM),
        ("mei@batch", Priority.BATCH),
        ("@announcement", Priority.ANNOUNCEMENT),
        ("mei", Priority.INTERACTIVE),
        (None, Priority.INTERACTIVE),
    ],
)
def test_a_voices_name_may_end_with_a_priority(library, monkeypatch, name, priority):
    voices = library(start=False)
    speech = Speech(voices.book, max_text_chars=100)
    seen = []
    speaker = type(voices.book.default.speaker)
    genuine = speaker.open
    monkeypatch.setattr(
        speaker,
        "open",
        lambda self, *args, priority, **kwargs: (
            seen.append(priority) or genuine(self, *args, priority=priority, **kwargs)
        ),
    )
    speech.begin(Request(voice=name, interface="test")).close()
    assert seen == [priority]
