import io
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from hayakoe_engine import Audio, streaming_wav_header
from hayakoe_engine.errors import RequestError


def tone(seconds=0.5, rate_hz=48000, frequency_hz=440.0, level=0.5):
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return Audio((level * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32), rate_hz)


def pitch_hz(audio):
    spectrum = np.abs(np.fft.rfft(audio.samples * np.hanning(len(audio.samples))))
    return spectrum.argmax() * audio.sample_rate_hz / len(audio.samples)


def test_pcm_is_little_endian_16_bit():
    audio = Audio(np.array([0, 1, -1, 0.5], np.float32), 8000)
    assert audio.pcm_bytes() == b"\x00\x00\xff\x7f\x01\x80\x00\x40"
    assert audio.pcm16().dtype == np.int16


@given(st_numpy.arrays(np.float32, st.integers(0, 50), elements=st.floats(-8, 8, width=32)))
def test_loud_samples_are_clipped_and_never_wrap(samples):
    pcm = Audio(samples, 8000).pcm16()
    assert np.all(np.sign(pcm) * np.sign(samples) >= 0)
    assert np.all(np.abs(pcm[np.abs(samples) >= 1].astype(int)) >= 32767)


def test_a_wav_is_what_the_standard_library_reads():
    audio = tone()
    with wave.open(io.BytesIO(audio.to_bytes())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48000, 1, 2)
        assert file.readframes(file.getnframes()) == audio.pcm_bytes()


@pytest.mark.parametrize("rate_hz", [16000, 22050, 44100, 48000])
@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "opus", "mp3"])
def test_a_file_holds_the_sound(tmp_path, extension, rate_hz):
    path = tmp_path / f"tone.{extension}"
    tone(rate_hz=rate_hz).save(path)
    samples, rate = soundfile.read(path, dtype="float32")
    assert len(samples) / rate == pytest.approx(0.5, abs=0.08)
    assert pitch_hz(Audio(samples, rate)) == pytest.approx(440, abs=5)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.1)
    assert path.stat().st_mode & 0o777 != 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_ten_minutes_of_opus_do_not_overflow_the_stack():
    silence = Audio.silence(600, 48000)
    assert len(soundfile.read(io.BytesIO(silence.to_bytes("opus")))[0]) == pytest.approx(
        600 * 48000, abs=48000
    )


def test_an_unknown_extension_names_those_that_exist(tmp_path):
    for name in ("tone.xyz", "tone", "tone.WMA"):
        with pytest.raises(RequestError, match="wav, flac, ogg, opus, mp3"):
            tone().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_an_extension_may_be_in_capitals(tmp_path):
    tone().save(tmp_path / "TONE.WAV")
    assert (tmp_path / "TONE.WAV").read_bytes()[:4] == b"RIFF"


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "tone.wav"
    path.write_bytes(b"old")
    monkeypatch.setattr(
        "hayakoe_engine.audio._take_default_mode", lambda _: (_ for _ in ()).throw(OSError("full"))
    )
    with pytest.raises(OSError, match="full"):
        tone().save(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("rate_hz", [16000, 22050, 44100])
def test_resampling_keeps_pitch_and_length(rate_hz):
    audio = tone().resampled(rate_hz)
    assert audio.sample_rate_hz == rate_hz
    assert audio.samples.dtype == np.float32
    assert audio.duration_s == pytest.approx(0.5, abs=0.001)
    assert pitch_hz(audio) == pytest.approx(440, abs=3)


def test_the_same_rate_is_the_same_audio():
    audio = tone()
    assert audio.resampled(48000) is audio


def test_concatenating_nothing_is_no_audio():
    audio = Audio.concatenate([], 8000)
    assert audio.duration_s == 0
    assert audio.pcm_bytes() == b""


def test_a_streaming_header_makes_pcm_a_wav():
    audio = tone()
    header = streaming_wav_header(48000)
    assert len(header) == 44
    samples, rate = soundfile.read(io.BytesIO(header + audio.pcm_bytes()), dtype="int16")
    assert rate == 48000
    assert np.array_equal(samples, audio.pcm16())
