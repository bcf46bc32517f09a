"""Audio on its way out, as decoders take it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from hayakoe_engine.encoding import MEDIA_TYPES, AudioEncoder
from hayakoe_engine.errors import BadOption

RATE_HZ = 44_100
SECONDS = 2.0
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ * SECONDS) / RATE_HZ)).astype(np.float32)


def encoded(encoder, window=4410):
    """What comes at first, and all of it."""
    pieces = [encoder.push(TONE[start : start + window]) for start in range(0, len(TONE), window)]
    first = b"".join(pieces[:3])
    return first, b"".join(pieces) + encoder.finish()


def decoded(data):
    """Samples ``[n, channels]`` and their rate."""
    if not data.startswith(b"fLaC"):
        return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    blocks = []
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        try:
            while len(block := file.read(4096, "float32", always_2d=True)):
                blocks.append(block)
        except soundfile.LibsndfileError:
            pass  # the end of a stream whose length is not known
        return np.concatenate(blocks), file.samplerate


def pitch_hz(samples, rate_hz):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * rate_hz / len(samples)


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("to_hz", [None, 24_000])
@pytest.mark.parametrize("audio_format", [name for name in MEDIA_TYPES if name != "pcm"])
def test_what_is_encoded_is_the_same_sound(audio_format, to_hz, channels, is_streamed):
    encoder = AudioEncoder(
        audio_format, RATE_HZ, to_hz=to_hz, channels=channels, is_streamed=is_streamed
    )
    samples, rate_hz = decoded(encoded(encoder)[1])
    if audio_format in ("ogg", "opus"):
        assert rate_hz in (24_000, 48_000)
    else:
        assert rate_hz == encoder.sample_rate_hz == (to_hz or RATE_HZ)
    assert samples.shape[1] == channels
    assert len(samples) / rate_hz == pytest.approx(SECONDS, abs=0.15)
    assert np.ptp(samples, axis=1).max() == pytest.approx(0.0, abs=1e-3)
    middle = samples[len(samples) // 4 : -len(samples) // 4, 0]
    assert pitch_hz(middle, rate_hz) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.06)


def test_pcm_is_the_samples_and_nothing_else():
    data = encoded(AudioEncoder("pcm", RATE_HZ))[1]
    samples = np.frombuffer(data, "<i2") / 32767
    assert np.allclose(samples, TONE, atol=1e-4)


def test_a_whole_wav_says_how_long_it_is_and_a_streamed_one_does_not():
    whole = encoded(AudioEncoder("wav", RATE_HZ, is_streamed=False))[1]
    streamed = encoded(AudioEncoder("wav", RATE_HZ))[1]
    assert struct.unpack("<I", whole[40:44]) == (len(whole) - 44,)
    assert struct.unpack("<I", streamed[40:44]) == (0xFFFFFFFF,)
    assert whole[44:] == streamed[44:]


@pytest.mark.parametrize("audio_format", list(MEDIA_TYPES))
def test_a_stream_has_sound_in_it_before_much_has_been_made(audio_format):
    first, whole = encoded(AudioEncoder(audio_format, RATE_HZ))
    assert len(first) > 0.05 * len(whole)


@pytest.mark.parametrize("window", [1, 160, 100_000])
def test_the_bytes_of_a_resampled_stream_do_not_depend_on_its_windows(window):
    tone = TONE[:8820]
    encoder = AudioEncoder("pcm", RATE_HZ, to_hz=16_000)
    pieces = [encoder.push(tone[start : start + window]) for start in range(0, len(tone), window)]
    whole = AudioEncoder("pcm", RATE_HZ, to_hz=16_000)
    assert b"".join(pieces) + encoder.finish() == whole.push(tone) + whole.finish()


def test_an_encoder_may_be_given_up_and_closed_again():
    for audio_format in MEDIA_TYPES:
        encoder = AudioEncoder(audio_format, RATE_HZ)
        encoder.push(TONE[:1000])
        encoder.close()
        encoder.close()


def test_rates_that_a_format_does_not_have_become_the_next_higher_one():
    assert AudioEncoder("mp3", RATE_HZ, to_hz=23_000).sample_rate_hz == 24_000
    assert AudioEncoder("opus", RATE_HZ, to_hz=44_100).sample_rate_hz == 48_000


def test_unknown_formats_and_rates_are_refused_with_those_that_there_are():
    with pytest.raises(BadOption, match="wav, pcm, flac, ogg, opus, mp3"):
        AudioEncoder("aac", RATE_HZ)
    with pytest.raises(BadOption, match="from 8000 to 48000 Hz, not 7999"):
        AudioEncoder("wav", RATE_HZ, to_hz=7999)
