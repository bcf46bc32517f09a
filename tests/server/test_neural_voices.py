"""Neural voices in the settings, the commands and the server, with a voice of random weights."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys

import pytest
import soundfile
from wyoming.audio import AudioStart
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeVoice

from hayakoe_engine import TTS
from hayakoe_engine.errors import BadVoiceFiles
from wyoming_hayakoe import commands, doctor

BATH = "お風呂が沸きました。"
HANG_S = 60.0
MEI_HZ = 48_000
MINI_HZ = 44_100
FREE = (
    *("--set=wyoming.uri=tcp://127.0.0.1:0", "--set=zeroconf.enabled=false"),
    "--set=http.enabled=false",
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for variable in list(os.environ):  # noqa: TID251 - to be empty
        if variable.upper().startswith("HAYAKOE_"):
            monkeypatch.delenv(variable)


@pytest.fixture
def gone(tmp_path):
    """Settings with a voice whose files are not there: the default voice, and a preset's."""
    return (
        f"--set=cache={tmp_path}/cache",
        f"--set=voices.gone.source={tmp_path}/gone",
        "--set=presets.night.voice=gone",
        "--set=presets.night.style=Whisper",
        "--set=presets.night.volume=0.5",
    )


@pytest.fixture
def mini(published, installed):
    """Settings with a voice that works and is installed."""
    return (
        f"--set=cache={installed[0]}",
        f"--set=voices.mini.source={published}",
        "--set=voices.mini.title=ミニ",
    )


def no_such_folder(tmp_path):
    return f"{tmp_path}/gone/onnx/speakers/gone: there is no such folder"


# convert


def test_a_checkpoint_becomes_a_voice(run, published, checkpoint):
    folder = published / "onnx" / "speakers" / "mini"
    names = [file.name for file in sorted(folder.iterdir())]
    assert names == ["config.json", "style_vectors.npy", "synthesizer.onnx"]
    status, out, err = run("convert", str(checkpoint), str(folder))
    assert (status, out) == (1, b"")
    assert err.startswith(f"wyoming-hayakoe: {folder}: is there already\n")


def test_convert_says_what_it_made(run, monkeypatch, published, tmp_path):
    convert = pytest.importorskip("hayakoe_engine.voices.sbv2.convert")
    asked = []

    def convert_voice(checkpoint, folder, *, config, style_vectors):
        asked.append([str(path) for path in (checkpoint, folder, config, style_vectors)])
        return convert.VoiceFiles.open(published / "onnx" / "speakers" / "mini")

    monkeypatch.setattr(convert, "convert_voice", convert_voice)
    status, out, err = run(
        *("convert", "a.safetensors", "b", "--config-json", "c", "--style-vectors", "d")
    )
    assert (status, err) == (0, "")
    assert asked == [["a.safetensors", "b", "c", "d"]]
    assert re.findall(r"/mini/(\S+)\t\d+\.\d MB\n", out.decode()) == [
        "config.json",
        "style_vectors.npy",
        "synthesizer.onnx",
    ]
    assert list(tmp_path.iterdir()) == []


def test_convert_without_torch_says_what_to_install(run, monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "find_spec", lambda name: None if name == "torch" else name)
    assert run("convert", "a.safetensors", str(tmp_path / "a")) == (
        1,
        b"",
        (
            "wyoming-hayakoe: converting a voice needs torch\n"
            "hint: pip install 'wyoming-hayakoe[torch]'\n"
        ),
    )


# install


def test_install_makes_voices_ready_once(run, installed, mini):
    cache, first = installed
    line = (
        rf"mini: ready after \d+\.\d s, precision fast, (\d+) MB more in {re.escape(str(cache))}\n"
    )
    assert int(re.fullmatch(line, first)[1]) > 10
    status, out, err = run("install", *mini)
    assert (status, err) == (0, "")
    assert re.fullmatch(line, out.decode())[1] == "0"


def test_install_goes_on_after_a_voice_that_fails(run, mini, gone, tmp_path):
    status, out, err = run("install", *gone, *mini)
    assert status == 1
    assert out.startswith(b"mini: ready after ")
    assert err == f"wyoming-hayakoe: voice gone: {no_such_folder(tmp_path)}\n"


def test_install_of_single_voices(run, mini, gone):
    status, out, err = run("install", *gone, *mini, "mini")
    assert (status, err) == (0, "")
    assert out.startswith(b"mini: ready after ")


def test_install_of_a_voice_that_is_not_in_the_settings(run, gone):
    assert run("install", *gone, "may") == (
        2,
        b"",
        "wyoming-hayakoe: there is no neural voice 'may'; there are gone\n",
    )


def test_install_without_any_voice(run):
    assert run("install") == (
        2,
        b"",
        (
            "wyoming-hayakoe: voices: there is no neural voice to install\n"
            "hint: name one that `wyoming-hayakoe voices --available` lists, or add one to the "
            "settings as docs/voices.md shows\n"
        ),
    )


def test_install_without_onnx_says_what_to_install(run, monkeypatch, gone):
    monkeypatch.setattr(commands, "find_spec", lambda _: None)
    assert run("install", *gone) == (
        1,
        b"",
        (
            "wyoming-hayakoe: installing a voice needs onnx\n"
            "hint: pip install 'wyoming-hayakoe[install]'\n"
        ),
    )


# say and voices


def test_say_speaks_with_a_neural_voice(run, mini, tmp_path):
    file = tmp_path / "bath.wav"

    def say(*options):
        assert run("say", *mini, "-o", str(file), *options, BATH) == (0, b"", "")
        return soundfile.read(file)

    plain, rate_hz = say("--voice", "mini")
    assert rate_hz == MINI_HZ
    assert len(plain) > MINI_HZ
    for option in ("--style=Happy", "--style=Neutral+Happy*0.5", "--speaker-id=1", "--noise=0"):
        other, _ = say("--voice", "mini", option)
        assert other.tobytes() != plain.tobytes()
    happy, _ = say("--voice", "mini:Happy")
    assert happy.tobytes() == say("--voice", "mini", "--style=Happy")[0].tobytes()
    preset = ("--set=presets.other.voice=mini:Happy", "--set=presets.other.speaker_id=1")
    assert say(*preset, "--voice", "other")[1] == MINI_HZ
    assert say()[1] == MEI_HZ


def test_say_with_a_voice_that_fails_is_an_error(run, gone, tmp_path):
    for voice in ("gone", "gone:Happy", "night"):
        status, out, err = run("say", *gone, "-o", str(tmp_path / "x.wav"), "--voice", voice, BATH)
        assert (status, out) == (1, b"")
        assert err == f"wyoming-hayakoe: voice gone: {no_such_folder(tmp_path)}\n"
    assert run("say", *gone, "--set=voice=gone", "-o", str(tmp_path / "x.wav"), BATH)[0] == 1
    assert not (tmp_path / "x.wav").exists()


def test_say_with_another_voice_does_not_care(run, gone, tmp_path):
    file = tmp_path / "bath.wav"
    assert run("say", *gone, "-o", str(file), BATH) == (0, b"", "")
    assert soundfile.info(file).samplerate == MEI_HZ


def test_a_document_may_change_to_any_voice(run, mini, gone, tmp_path):
    file = tmp_path / "bath.wav"
    document = f'<speak>{BATH}<voice name="mini">{BATH}</voice></speak>'
    status, out, err = run("say", *gone, *mini, "-o", str(file), "--ssml", document)
    assert (status, out) == (0, b"")
    assert err == f"wyoming-hayakoe: voice gone: {no_such_folder(tmp_path)}\n"
    assert soundfile.info(file).duration > 2


def test_voices_lists_those_that_work_and_tells_of_the_others(run, mini, gone, tmp_path):
    status, out, err = run("voices", *gone, *mini, "--set=voice=gone")
    assert status == 0
    assert err == f"wyoming-hayakoe: voice gone: {no_such_folder(tmp_path)}\n"
    lines = [line.split("\t")[:2] for line in out.decode().splitlines()]
    assert lines == [
        ["mei (default)", "メイ（女性・内蔵）"],
        ["mini", "ミニ"],
        ["mini:Neutral", "ミニ・Neutral"],
        ["mini:Happy", "ミニ・Happy"],
        ["night", "night"],
    ]


def test_a_voice_calls_itself_something(run, published, installed):
    cache, _ = installed
    _, out, _ = run("voices", f"--set=cache={cache}", f"--set=voices.mini.source={published}")
    assert "mini\tMini\t" in out.decode()


def test_whatever_a_voice_fails_with_the_others_speak(run, monkeypatch, gone, tmp_path):
    prepare = TTS.prepare
    failures = iter([OSError("disk full"), BadVoiceFiles("a is damaged", hint="fetch it again")])

    def fail(tts, **kwargs):
        if kwargs:  # the embedded voice is prepared without
            raise next(failures)
        return prepare(tts)

    monkeypatch.setattr(TTS, "prepare", fail)
    status, out, err = run("voices", *gone, f"--set=voices.other.source={tmp_path}")
    assert status == 0
    assert out.startswith(b"mei (default)")
    assert err == (
        "wyoming-hayakoe: voice gone: OSError: disk full\n"
        "wyoming-hayakoe: voice other: a is damaged\n"
        "hint: fetch it again\n"
    )


def test_a_preset_of_a_speaker_that_a_voice_does_not_have(run, mini):
    preset = ("--set=presets.other.voice=mini", "--set=presets.other.speaker_id=2")
    status, _, err = run("voices", *mini, *preset)
    assert status == 2
    assert err.startswith("wyoming-hayakoe: presets.other.speaker_id: voice mini has 2 speakers")


def test_speaking_needs_neither_torch_nor_onnx(mini, tmp_path):
    code = (
        "import sys; from wyoming_hayakoe.cli import main; status = main(sys.argv[1:]);"
        "print(status, sorted({'torch', 'onnx', 'safetensors'} & set(sys.modules)))"
    )
    speak = ("say", *mini, "--voice", "mini", "-o", str(tmp_path / "bath.wav"), BATH)
    result = subprocess.run(
        [sys.executable, "-c", code, *speak],
        capture_output=True,
        text=True,
        check=True,
        timeout=HANG_S,
    )
    assert result.stdout == "0 []\n"


# doctor


def test_the_doctor_listens_to_every_voice(run, mini, gone, tmp_path):
    status, out, err = run("doctor", *gone, *mini, *FREE)
    lines = out.decode().splitlines()
    assert (status, err) == (1, "")
    position = lines.index(f"FAIL  voice gone is not there: {no_such_folder(tmp_path)}")
    assert lines[position + 1] == "      → correct the setting voices.gone"
    spoken = [line for line in lines if re.match(r"ok    voice \w+ speaks: ready in ", line)]
    assert [line.split()[2] for line in spoken] == ["mei", "mini"]


def test_the_doctor_finds_that_onnx_is_missing(run, monkeypatch, mini):
    monkeypatch.setattr(doctor, "find_spec", lambda _: None)
    status, out, _ = run("doctor", *mini, *FREE)
    assert status == 0
    assert "note  package onnx is missing: a neural voice that is not installed yet" in out.decode()
    assert "→ pip install 'wyoming-hayakoe[install]'" in out.decode()


def test_the_doctor_misses_no_onnx_without_neural_voices(run, monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda _: None)
    assert b"onnx is missing" not in run("doctor", *FREE)[1]


# serve


@pytest.fixture
def serve(start):
    """Start a server; returns its process, its address and the log until it says ``last``."""

    def serve(*settings, last):
        process = start("serve", *settings, *FREE, "--set=log.format=json")
        log = []
        for line in process.stderr:
            log.append(json.loads(line))
            if re.search(last, log[-1]["message"]):
                break
        (address,) = (
            ready[1]
            for entry in log
            if (ready := re.search(r"is ready on (\S+), ", entry["message"]))
        )
        return process, address, log

    return serve


async def ask(address, voice=None):
    """The rate at which a voice speaks."""
    async with asyncio.timeout(HANG_S), AsyncClient.from_uri(address) as client:
        wanted = SynthesizeVoice(name=voice) if voice else None
        await client.write_event(Synthesize(text=BATH, voice=wanted).event())
        rate_hz = AudioStart.from_event(await client.read_event()).rate
        length = 0
        while (event := await client.read_event()).type == "audio-chunk":
            length += len(event.payload)
        assert event.type == "audio-stop"
        assert length > rate_hz
        return rate_hz


async def voices_of(address):
    async with asyncio.timeout(HANG_S), AsyncClient.from_uri(address) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
    return {voice.name: voice.description for voice in info.tts[0].voices}


async def test_the_server_speaks_with_neural_voices(serve, mini):
    process, address, log = serve(*mini, "--set=voice=mini:Happy", last="voice mini is ready")
    assert [entry["level"] for entry in log] == ["info"] * len(log)
    assert await voices_of(address) == {
        "mini:Happy": "★ ミニ・Happy",
        "mini": "ミニ",
        "mini:Neutral": "ミニ・Neutral",
        "mei": "メイ（女性・内蔵）",
    }
    assert [await ask(address, name) for name in (None, "mini", "mei")] == [
        MINI_HZ,
        MINI_HZ,
        MEI_HZ,
    ]
    process.send_signal(signal.SIGTERM)
    assert process.wait(HANG_S) == 0


async def test_the_embedded_voice_speaks_for_voices_that_fail(serve, gone, tmp_path):
    process, address, log = serve(*gone, "--set=voice=gone", last="^voice names")
    troubles = [(entry["level"], entry["message"]) for entry in log if entry["level"] != "info"]
    assert troubles == [
        ("error", f"voice gone is not there: {no_such_folder(tmp_path)}"),
        ("warning", "presets.night names a voice that is not there; mei speaks in its place"),
        ("warning", "voice names a voice that is not there; mei speaks in its place"),
    ]
    assert await voices_of(address) == {"mei": "★ メイ（女性・内蔵）", "night": "・night"}
    assert [await ask(address, name) for name in (None, "night", "gone")] == [MEI_HZ] * 3
    process.send_signal(signal.SIGTERM)
    assert process.wait(HANG_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_installs_a_voice_can_be_stopped(start, published, tmp_path, number):
    settings = (f"--set=cache={tmp_path}/cache", f"--set=voices.mini.source={published}")
    process = start("serve", *settings, *FREE)
    for line in process.stderr:
        if b"installing voice mini" in line:
            break
    process.send_signal(number)
    assert process.wait(HANG_S) == 0
    log = process.stderr.read().decode()
    assert log.endswith("stopping\n")
    assert "Traceback" not in log


def test_a_server_of_a_default_that_nobody_has_ends(run, gone):
    status, _, err = run("serve", *gone, "--set=voice=may", *FREE)
    assert status == 2
    assert (
        "wyoming-hayakoe: voice: there is no voice 'may'; the voices are mei, gone, night\n" in err
    )
