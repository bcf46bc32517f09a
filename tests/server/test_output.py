"""Where spoken audio goes: files, standard output and audio players."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from hayakoe_engine import Audio
from hayakoe_engine.audio import ENCODER_RATES_HZ, FORMATS
from hayakoe_engine.errors import InferenceFailed, RequestError
from wyoming_hayakoe.output import PLAYERS, NoPlayer, check_output, find_player, write_audio

RATE_HZ = 44100
HEADER_BYTES = 44


def windows(count=8, seconds=0.05):
    """A tone, window by window."""
    samples = round(RATE_HZ * seconds)
    for number in range(count):
        time = (np.arange(samples) + number * samples) / RATE_HZ
        yield Audio((0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), RATE_HZ)


def broken_windows():
    yield from windows(2)
    raise InferenceFailed("the voice broke")


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a shell script as a program; no other player is found then."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(name, script):
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        path.chmod(0o755)

    return install


# Files


@pytest.mark.parametrize("extension", [name for name in FORMATS if name != "aac"])
def test_a_file_is_written_in_the_format_of_its_extension(tmp_path, extension):
    file = tmp_path / f"speech.{extension}"
    check_output(str(file))
    write_audio(windows(), RATE_HZ, str(file))
    samples, rate_hz = soundfile.read(file)
    assert soundfile.info(file).format == FORMATS[extension][0]
    rates_hz = ENCODER_RATES_HZ.get(FORMATS[extension][1], (RATE_HZ,))
    assert rate_hz == (RATE_HZ if RATE_HZ in rates_hz else 48000)
    assert samples.ndim == 1
    assert len(samples) / rate_hz == pytest.approx(0.4, abs=0.1)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.35, abs=0.05)


def test_the_extension_may_be_in_capitals(tmp_path):
    file = tmp_path / "SPEECH.WAV"
    check_output(str(file))
    write_audio(windows(), RATE_HZ, str(file))
    assert soundfile.info(file).samplerate == RATE_HZ


def test_a_file_is_replaced(tmp_path):
    file = tmp_path / "speech.wav"
    file.write_text("old")
    write_audio(windows(), RATE_HZ, str(file))
    assert soundfile.info(file).frames == 8 * 2205
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_stays_as_it_was_if_speaking_fails(tmp_path):
    file = tmp_path / "speech.wav"
    file.write_text("old")
    with pytest.raises(InferenceFailed):
        write_audio(broken_windows(), RATE_HZ, str(file))
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_an_error_names_the_file_and_not_a_temporary_one():
    with pytest.raises(OSError, match=r"/proc/speech\.wav") as caught:
        write_audio(windows(), RATE_HZ, "/proc/speech.wav")
    assert caught.value.filename == "/proc/speech.wav"


@pytest.mark.parametrize("name", ["speech", "speech.m4a", "wav", ".wav", "speech.wav.bak", ""])
def test_an_unknown_extension_is_answered_with_the_known_ones(name):
    with pytest.raises(RequestError) as caught:
        check_output(name)
    assert str(caught.value) == (
        f"{name}: unknown audio format; the extensions are .wav, .flac, .ogg, .opus, .mp3, .aac"
    )


def test_aac_is_written_where_there_is_ffmpeg(install, monkeypatch, tmp_path):
    file = tmp_path / "speech.aac"
    check_output(str(file))
    write_audio(windows(), RATE_HZ, str(file))
    assert file.read_bytes().startswith(b"\xff\xf1")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(RequestError, match=r"speech\.aac: aac is made by the program ffmpeg"):
        check_output(str(file))
    install("ffmpeg", "exit 1")
    check_output(str(file))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(RequestError, match=r"/gone/speech\.wav: there is no folder .*/gone$"):
        check_output(str(tmp_path / "gone" / "speech.wav"))


def test_a_folder_is_no_file(tmp_path):
    folder = tmp_path / "speech.wav"
    folder.mkdir()
    with pytest.raises(RequestError, match=r"/speech\.wav is a folder$"):
        check_output(str(folder))


# Standard output


def test_standard_output_is_a_wav_stream(monkeypatch):
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out))
    check_output("-")
    write_audio(windows(), RATE_HZ, "-")
    written = out.getvalue()
    assert written[:4] + written[8:16] == b"RIFFWAVEfmt "
    assert written[36:HEADER_BYTES] == b"data\xff\xff\xff\xff"
    pcm = np.frombuffer(written[HEADER_BYTES:], "<i2")
    expected = np.concatenate([audio.pcm16() for audio in windows()])
    assert np.array_equal(pcm, expected)


def test_each_window_leaves_before_the_next_is_made(monkeypatch):
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=io.BufferedWriter(Unclosed(out))))
    seen = []

    def watched():
        for audio in windows(3):
            seen.append(len(out.getvalue()))
            yield audio

    write_audio(watched(), RATE_HZ, "-")
    window_bytes = 2205 * 2
    assert seen == [0, HEADER_BYTES + window_bytes, HEADER_BYTES + 2 * window_bytes]


class Unclosed(io.RawIOBase):
    """Passes on what is written; closing it closes nothing."""

    def __init__(self, target):
        super().__init__()
        self._target = target

    def writable(self):
        return True

    def write(self, data):
        return self._target.write(data)


def test_a_terminal_gets_no_audio(monkeypatch):
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(RequestError, match=r"^standard output is a terminal; send the audio into"):
        check_output("-")


def test_a_closed_standard_output_is_named(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(RequestError, match=r"^standard output is closed$"):
        check_output("-")


# Players


@pytest.mark.parametrize("player", PLAYERS, ids=lambda player: player[0])
def test_a_player_receives_a_wav_stream(install, tmp_path, player):
    install(player[0], f'echo "$@" > {tmp_path}/arguments\ncat > {tmp_path}/heard.wav')
    check_output(None)
    write_audio(windows(), RATE_HZ, None)
    heard = (tmp_path / "heard.wav").read_bytes()
    assert heard[:4] + heard[8:12] == b"RIFFWAVE"
    assert len(heard) == HEADER_BYTES + 8 * 2205 * 2
    assert (tmp_path / "arguments").read_text().split() == list(player[1:])


def test_the_first_player_that_is_installed_is_used(install):
    install("play", "exit 1")
    install("aplay", "cat > /dev/null")
    assert find_player() == ("aplay", "-q", "-")
    write_audio(windows(), RATE_HZ, None)


def test_without_a_player_there_is_a_hint(install):  # noqa: ARG001 - which installs nothing
    for call in (lambda: check_output(None), lambda: write_audio(windows(), RATE_HZ, None)):
        with pytest.raises(NoPlayer, match=r"^no audio player found$"):
            call()
    with pytest.raises(NoPlayer) as caught:
        check_output(None)
    assert caught.value.hint == (
        "write a file with -o speech.wav, or install one of: pw-play, paplay, aplay, ffplay, play"
    )


@pytest.mark.parametrize("script", ["exit 3", "cat > /dev/null\nexit 3", "head -c 9 >&2\nexit 3"])
def test_a_player_that_fails_is_named(install, script):
    install("pw-play", script)
    with pytest.raises(NoPlayer, match=r"^pw-play failed with exit status 3$") as caught:
        write_audio(windows(40), RATE_HZ, None)
    assert "-o speech.wav writes a file instead" in caught.value.hint


def test_a_player_may_stop_listening(install):
    install("pw-play", "exit 0")
    write_audio(windows(40), RATE_HZ, None)


def test_a_player_ends_when_the_voice_fails(install, tmp_path):
    install("pw-play", f"cat > {tmp_path}/heard.wav\ntouch {tmp_path}/ended")
    with pytest.raises(InferenceFailed):
        write_audio(broken_windows(), RATE_HZ, None)
    assert (tmp_path / "ended").exists()
    assert (tmp_path / "heard.wav").stat().st_size == HEADER_BYTES + 2 * 2205 * 2
