import subprocess
import sys

import numpy as np
import pyopenjtalk
import pytest

from hayakoe_engine import SynthesisOptions
from hayakoe_engine.text.reading import Reader
from hayakoe_engine.voices.openjtalk import GAIN, OpenJTalkVoice

LONG = "明日の朝は雲が多いものの昼前からはよく晴れて最高気温は28度まで上がる見込みです。"
PAUSES = "お風呂が、沸きました、どうぞ。"
RATE_HZ = 48000


@pytest.fixture(scope="module")
def reader():
    return Reader()


@pytest.fixture(scope="module")
def voice():
    return OpenJTalkVoice()


@pytest.fixture(scope="module")
def speak(reader, voice):
    def speak_with(text, **options):
        rng = np.random.default_rng(0)
        windows = voice.begin(reader.read(text), SynthesisOptions(**options), rng)
        return np.concatenate(list(windows))

    return speak_with


def pitch_hz(samples):
    """Median pitch of the voiced parts, by autocorrelation."""
    found = []
    for start in range(0, len(samples) - 2400, 1200):
        frame = samples[start : start + 2400] * np.hanning(2400)
        power = np.abs(np.fft.rfft(frame, 8192)) ** 2
        correlation = np.fft.irfft(power)[:1200]
        lag = correlation[80:600].argmax() + 80
        if correlation[0] > 1 and correlation[lag] > 0.5 * correlation[0]:
            found.append(RATE_HZ / lag)
    return float(np.median(found))


def silences_s(samples):
    """Lengths of the quiet stretches within a sentence, in seconds."""
    size = 480
    loud = [
        np.abs(samples[i : i + size]).max() > 0.003 for i in range(0, len(samples) - size, size)
    ]
    first, last = loud.index(True), len(loud) - loud[::-1].index(True)
    runs, run = [], 0
    for is_loud in loud[first:last]:
        if is_loud and run > 10:
            runs.append(run * size / RATE_HZ)
        run = 0 if is_loud else run + 1
    return runs


def test_the_voice_says_whose_it_is(voice):
    assert voice.info.licence == "CC BY 3.0"
    assert "Nagoya Institute of Technology" in voice.info.credit
    assert voice.info.languages == ("ja",)
    assert voice.info.sample_rate_hz == RATE_HZ


@pytest.mark.parametrize("text", [LONG, PAUSES, "はい。", "ッ。", "パパパパッ！", "A" * 30])
@pytest.mark.parametrize("pitch_scale", [0.5, 1, 2])
@pytest.mark.parametrize("volume", [1.0, 2.0])
def test_output_never_exceeds_full_scale(speak, text, pitch_scale, volume):
    """The engine's own output does, and cast to int16 it wraps around into loud clicks."""
    samples = speak(text, pitch_scale=pitch_scale, volume=volume)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() <= 0.98


@pytest.mark.parametrize(
    "text", ["エーエーエーエーエー", "うううううううう", "AAAAA", "E" * 20, "んー"]
)
def test_a_drawn_out_vowel_is_no_louder_than_speech(speak, text):
    """Alone, the engine's gain control makes some of them a billion times too loud."""
    assert np.abs(speak(text)).max() < 1.5 * np.abs(speak(LONG)).max()


def test_the_limiter_is_needed(reader):
    engine = pyopenjtalk.HTSEngine(pyopenjtalk.DEFAULT_HTS_VOICE)
    engine.add_half_tone(-12)
    assert np.abs(engine.synthesize(list(reader.read(LONG).labels))).max() > 32767


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.3, 2.0])
@pytest.mark.parametrize("text", [LONG, PAUSES])
def test_speed_scales_the_length(speak, text, speed):
    assert len(speak(text)) / len(speak(text, speed=speed)) == pytest.approx(speed, rel=0.08)


def test_the_fastest_speed_is_fast(speak):
    assert len(speak(LONG)) / len(speak(LONG, speed=4.0)) > 2.5


def test_pitch_moves_by_semitones(speak):
    normal = pitch_hz(speak(LONG))
    assert pitch_hz(speak(LONG, pitch_scale=2**0.25)) / normal == pytest.approx(2**0.25, rel=0.03)
    assert pitch_hz(speak(LONG, pitch_scale=2**-0.5)) / normal == pytest.approx(2**-0.5, rel=0.03)


def test_volume_scales_the_samples(speak):
    quiet, normal = speak("はい。", volume=0.5), speak("はい。")
    assert np.allclose(quiet, normal / 2, atol=1e-3)
    assert not speak("はい。", volume=0.0).any()


@pytest.mark.parametrize("change", [{"intonation_scale": 0.0}, {"seed": 7}])
def test_what_the_voice_cannot_do_changes_nothing(speak, voice, change):
    assert set(change) <= voice.info.ignored_options
    assert np.array_equal(speak(LONG, **change), speak(LONG))


def test_pauses_are_those_of_the_engine_to_the_sample(speak, reader):
    """Cut at its pauses, a sentence is as long as in one piece, less the silence before it."""
    engine = pyopenjtalk.HTSEngine(pyopenjtalk.DEFAULT_HTS_VOICE)
    labels = list(reader.read(PAUSES).labels)
    whole, before, after = (
        len(engine.synthesize(part)) for part in (labels, labels[:1], labels[-1:])
    )
    lead, pause = round(0.02 * RATE_HZ), round(0.4 * RATE_HZ)
    assert len(speak(PAUSES)) == whole - before - after + lead + pause


def test_pauses_scale(speak):
    normal = silences_s(speak(PAUSES))
    double = silences_s(speak(PAUSES, pause_scale=2.0))
    none = silences_s(speak(PAUSES, pause_scale=0.0))
    assert len(normal) == len(double) == 2
    assert sum(double) / sum(normal) == pytest.approx(2.0, rel=0.25)
    assert sum(none) < 0.1


def test_a_comma_at_the_end_pauses_less_than_a_stop(speak):
    difference = len(speak("はい。")) - len(speak("はい、"))
    assert difference == pytest.approx(0.2 * RATE_HZ, abs=0.02 * RATE_HZ)


def _roughness(samples, place):
    """How much the spectrum changes at a place, in log10 units."""

    def spectrum(part):
        return np.log10(np.abs(np.fft.rfft(part * np.hanning(480)))[:100] + 1e-3)

    before, after = samples[place - 480 : place], samples[place : place + 480]
    return float(np.sqrt(np.mean((spectrum(before) - spectrum(after)) ** 2)))


def test_joins_are_as_smooth_as_the_same_places_spoken_in_one_piece(voice, reader):
    """Compared with the engine's own output where windows join; 1 is equally smooth."""
    engine = pyopenjtalk.HTSEngine(pyopenjtalk.DEFAULT_HTS_VOICE)
    ratios = []
    for text in (
        LONG,
        "洗濯機の運転が終わりましたので洗濯物を取り出して乾燥機に入れてください。",
        "玄関のドアの鍵が開いたままになっていますので確認をお願いします。",
    ):
        reading = reader.read(text)
        windows = list(voice.begin(reading, SynthesisOptions(), np.random.default_rng(0)))
        joined = np.concatenate(windows)
        silence = len(engine.synthesize(list(reading.labels[:1])))
        whole = (engine.synthesize(list(reading.labels)) * GAIN)[silence - 960 :]
        places = np.cumsum([len(window) for window in windows])[:-2] + 120
        assert len(places) >= 1
        ratios += [_roughness(joined, p) / _roughness(whole, p) for p in places]
        steps = np.abs(np.diff(joined))
        assert all(steps[p - 240 : p + 240].max() < 0.8 * steps.max() for p in places)
    assert np.mean(ratios) < 1.3


def test_same_text_same_samples(speak):
    assert np.array_equal(speak(LONG), speak(LONG))


def test_a_text_without_any_pause_takes_little_memory():
    """In one call of the engine, 400 s of audio would take 800 MB."""
    code = """
import resource
from hayakoe_engine import TTS
speaker = TTS(threads=1).load("mei").prepare().speakers["mei"]
speaker.generate("はい。")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seconds = sum(audio.duration_s for audio in speaker.stream("あいうえおかきくけこ" * 200))
print(seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    seconds, megabytes = map(float, output.split())
    assert seconds > 150
    assert megabytes < 60
