"""Audio on its way out, as decoders take it."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import wave
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from hayakoe_engine import Audio, aac
from hayakoe_engine.aac import EncodingFailed
from hayakoe_engine.encoding import MEDIA_TYPES, AudioEncoder
from hayakoe_engine.errors import BadOption, BusyError, RequestError

RATE_HZ = 44_100
SECONDS = 2.0
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ * SECONDS) / RATE_HZ)).astype(np.float32)


@pytest.fixture(autouse=True)
def be_patient(monkeypatch):
    """On a machine with much to do ffmpeg takes long to start."""
    monkeypatch.setattr(aac, "_PATIENCE_S", 60.0)
    monkeypatch.setattr(aac, "_STUCK_S", 60.0)


def encoded(encoder, window=4410):
    """What comes at first, and all of it."""
    pieces = [encoder.push(TONE[start : start + window]) for start in range(0, len(TONE), window)]
    first = b"".join(pieces[:3])
    return first, b"".join(pieces) + encoder.finish()


def decoded(data):
    """Samples ``[n, channels]`` and their rate."""
    if data.startswith(b"\xff\xf1"):
        return decoded_aac(data)
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


def decoded_aac(data):
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "aac", "-i", "pipe:0"]
    made = subprocess.run(
        [*program, "-f", "wav", "pipe:1"], input=data, stdout=subprocess.PIPE, check=True
    )
    with wave.open(io.BytesIO(made.stdout)) as file:
        pcm = np.frombuffer(file.readframes(len(made.stdout)), "<i2") / np.float32(32768)
        return pcm.reshape(-1, file.getnchannels()), file.getframerate()


def children():
    """The processes that this one has started."""
    lists = Path("/proc/self/task").glob("*/children")
    return {pid for one in lists for pid in one.read_text().split()}


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
    aac = AudioEncoder("aac", RATE_HZ, to_hz=23_000)
    assert aac.sample_rate_hz == 24_000
    aac.close()


def test_unknown_formats_and_rates_are_refused_with_those_that_there_are():
    with pytest.raises(BadOption, match="wav, pcm, flac, ogg, opus, mp3, aac"):
        AudioEncoder("m4a", RATE_HZ)
    with pytest.raises(BadOption, match="from 8000 to 48000 Hz, not 7999"):
        AudioEncoder("wav", RATE_HZ, to_hz=7999)


# AAC, by the program ffmpeg


@pytest.fixture
def install_ffmpeg(tmp_path, monkeypatch):
    """Install a shell script as ffmpeg."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(script):
        (folder / "ffmpeg").write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        (folder / "ffmpeg").chmod(0o755)

    return install


@pytest.mark.parametrize("window", [100, 4410, 88_200])
def test_aac_is_the_samples_after_the_delay_of_its_encoder(window):
    rng = np.random.default_rng(1)
    noise = np.convolve(rng.normal(0, 0.05, RATE_HZ), np.ones(20) / 20, "same").astype(np.float32)
    encoder = AudioEncoder("aac", RATE_HZ)
    pieces = [encoder.push(noise[at : at + window]) for at in range(0, len(noise), window)]
    samples, rate_hz = decoded(b"".join(pieces) + encoder.finish())
    assert rate_hz == RATE_HZ
    assert 1024 <= len(samples) - len(noise) < 2 * 1024
    heard = samples[1024 : 1024 + len(noise), 0]
    assert np.corrcoef(heard, noise)[0, 1] > 0.98


def test_a_file_of_aac_is_the_sound_as_well():
    samples, rate_hz = decoded(Audio(TONE, RATE_HZ).to_bytes("aac"))
    assert rate_hz == RATE_HZ
    assert len(samples) / rate_hz == pytest.approx(SECONDS, abs=0.05)
    assert pitch_hz(samples[:, 0], rate_hz) == pytest.approx(440, abs=2)


def test_what_an_aac_encoder_has_got_comes_out_at_once():
    encoder = AudioEncoder("aac", RATE_HZ)
    made = encoder.push(TONE[:RATE_HZ])
    encoder.close()
    samples, _ = decoded(made)
    assert len(samples) > 0.9 * RATE_HZ


def test_an_aac_encoder_leaves_no_process_and_no_thread():
    processes, threads = children(), threading.active_count()
    for pushes in range(3):
        encoder = AudioEncoder("aac", RATE_HZ)
        for _ in range(pushes):
            encoder.push(TONE)
        encoder.close()
        encoder.close()
    encoder = AudioEncoder("aac", RATE_HZ)
    encoder.finish()
    assert children() == processes
    for thread in threading.enumerate():
        if thread.name == "hayakoe-once":
            thread.join()
    assert threading.active_count() == threads


def test_only_so_many_sounds_are_encoded_as_aac_at_once(monkeypatch):
    monkeypatch.setattr(aac, "_places", threading.BoundedSemaphore(1))
    first = AudioEncoder("aac", RATE_HZ)
    first.push(TONE)
    second = AudioEncoder("aac", RATE_HZ)
    with pytest.raises(BusyError, match="sounds are being encoded as aac already"):
        second.push(TONE)
    second.close()
    first.close()
    third = AudioEncoder("aac", RATE_HZ)
    assert third.push(TONE)
    third.close()


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("echo no such encoder >&2; exit 1", "ffmpeg failed: no such encoder"),
        ("exit 0", "ffmpeg failed: it ended"),
        ("sleep 60", "ffmpeg failed: it stands still"),
        ("cat > /dev/null; echo it is full >&2; exit 1", "ffmpeg failed: it is full"),
    ],
)
def test_an_ffmpeg_that_fails_is_an_error(install_ffmpeg, monkeypatch, script, complaint):
    install_ffmpeg(script)
    monkeypatch.setattr(aac, "_STUCK_S", 0.5)
    monkeypatch.setattr(aac, "_PATIENCE_S", 0.01)
    processes = children()
    encoder = AudioEncoder("aac", RATE_HZ)
    with pytest.raises(EncodingFailed, match=complaint):
        encoded(encoder)
    encoder.close()
    assert children() == processes


def test_without_ffmpeg_aac_is_refused_with_how_to_get_it(install_ffmpeg, monkeypatch):  # noqa: ARG001 - which installs nothing
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(BadOption, match=r"pip install 'wyoming-hayakoe\[aac\]', or install ffmpeg"):
        AudioEncoder("aac", RATE_HZ)
    with pytest.raises(RequestError, match="program ffmpeg, which is not on this machine"):
        Audio(TONE, RATE_HZ).to_bytes("aac")


def test_the_ffmpeg_of_the_machine_is_taken_first(install_ffmpeg, tmp_path):
    install_ffmpeg(f'touch {tmp_path}/asked; exec {imageio_ffmpeg.get_ffmpeg_exe()} "$@"')
    samples, _ = decoded(Audio(TONE, RATE_HZ).to_bytes("aac"))
    assert len(samples) > len(TONE)
    assert (tmp_path / "asked").exists()
