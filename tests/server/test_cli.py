"""The command line, as a user sees it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import sys

import numpy as np
import pytest
import soundfile

from hayakoe_engine import TTS, VoiceInfo
from hayakoe_engine.audio import ENCODER_RATES_HZ, FORMATS
from hayakoe_engine.options import RANGES
from wyoming_hayakoe import __version__, app, cli, commands

COMMANDS = [
    *("serve", "say", "read", "voices", "dictionary", "install", "cache", "convert", "publish"),
    "doctor",
]
BATH = "お風呂が沸きました。"
BATH_KANA = "オフロガワキマシタ"
HEADER_BYTES = 44
HANG_S = 60


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for variable in list(os.environ):  # noqa: TID251 - to be empty
        if variable.upper().startswith("HAYAKOE_"):
            monkeypatch.delenv(variable)


@pytest.fixture
def feed(monkeypatch):
    """Give a command standard input."""

    def feed(data):
        content = data if isinstance(data, bytes) else data.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return feed


class BrokenVoice:
    """Speaks one window, then fails."""

    info = VoiceInfo(
        name="mei",
        title="壊れた声",
        sample_rate_hz=24000,
        licence="CC0",
        credit="nobody",
        url="",
        version="1",
    )

    def begin(self, reading, options, rng):  # noqa: ARG002
        yield np.full(2400, 0.1, np.float32)
        raise RuntimeError("out of breath")

    def close(self):
        pass


@pytest.fixture
def broken_voice(monkeypatch):
    monkeypatch.setattr(app, "build_engine", lambda *_: TTS().load("mei", source=BrokenVoice))


def pcm(stream):
    """The samples of a WAV stream whose length is not known."""
    assert stream[:4] + stream[8:12] == b"RIFFWAVE"
    return np.frombuffer(stream[HEADER_BYTES:], "<i2")


# Help


def test_help_lists_the_commands_and_teaches(run):
    status, out, _ = run("--help")
    text = out.decode()
    assert status == 0
    for command in COMMANDS:
        assert re.search(rf"\n    {command}\s+[a-z]", text)
    assert "wyoming-hayakoe serve  " in text
    assert "HAYAKOE_CONFIG" in text
    assert "exit status: 0 done, 1 it did not work, 2 a wrong argument or setting" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples_and_its_exit_status(run, command):
    status, out, _ = run(command, "--help")
    text = out.decode()
    assert status == 0
    assert f"\nexamples:\n  wyoming-hayakoe {command}" in text
    assert "\nexit status: 0 done, 1 " in text
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_explained(command):
    (subparsers,) = (action for action in cli._parser()._actions if action.choices)
    for action in subparsers.choices[command]._actions:
        assert action.help, action


def test_the_examples_of_the_help_are_valid_commands(run):
    import shlex

    for command in COMMANDS:
        _, out, _ = run(command, "--help")
        examples = re.findall(r"^  wyoming-hayakoe (.*?)(?:    .*)?$", out.decode(), re.MULTILINE)
        assert examples
        for example in examples:
            words = shlex.split(re.split(" [<|]", example)[0])
            assert cli._parser().parse_args(words).run


def test_the_version(run):
    assert run("--version") == (0, f"wyoming-hayakoe {__version__}\n".encode(), "")


@pytest.mark.parametrize("arguments", [[], ["speak"], ["say", "--sped", "2", "あ"]])
def test_a_command_that_does_not_exist_is_a_usage_error(run, arguments):
    status, out, err = run(*arguments)
    assert status == 2
    assert out == b""
    assert err.startswith("usage: wyoming-hayakoe")


# say, into files


@pytest.mark.parametrize("extension", [name for name in FORMATS if name != "aac"])
def test_say_writes_a_file(run, tmp_path, extension):
    file = tmp_path / f"bath.{extension}"
    assert run("say", "-o", str(file), BATH) == (0, b"", "")
    samples, rate_hz = soundfile.read(file)
    assert rate_hz == 48000
    assert rate_hz in ENCODER_RATES_HZ.get(FORMATS[extension][1], (48000,))
    assert 1 < len(samples) / rate_hz < 4
    assert np.sqrt(np.mean(samples**2)) > 0.01


def test_say_takes_its_options(run, tmp_path):
    file = tmp_path / "bath.wav"

    def say(*options):
        assert run("say", "-o", str(file), *options, BATH) == (0, b"", "")
        return soundfile.read(file)[0]

    plain = say()
    assert len(say("--speed", "2")) < 0.6 * len(plain)
    assert np.abs(say("--volume", "0.25")).max() < 0.5 * np.abs(plain).max()
    assert not np.array_equal(say("--pitch-scale", "0.8")[:48000], plain[:48000])
    assert len(say("--pause-scale", "5")) > len(plain) + 48000
    assert np.array_equal(say("--intonation-scale", "0.5"), plain)
    neural = ["--style-weight=2", "--sdp-ratio=1", "--noise=1", "--noise-w=1", "--speaker-id=0"]
    assert np.array_equal(say(*neural), plain)


def test_say_takes_settings_and_presets(run, tmp_path, config):
    file = tmp_path / "bath.wav"

    def say(*options):
        assert run("say", "-o", str(file), *options, BATH) == (0, b"", "")
        return soundfile.info(file).frames

    plain = say()
    path = config("presets: {quick: {voice: mei, speed: 2}}")
    assert say("--config", path) == plain
    quick = say("--config", path, "--voice", "quick")
    assert quick < 0.6 * plain
    assert say("--config", path, "--voice", "quick", "--speed", "1") == plain
    assert say("--set", "speech.speed=2") == quick
    assert say("--set", "presets.quick.voice=mei", "--voice", "quick") == plain


def test_say_takes_a_text_that_begins_with_a_hyphen(run, tmp_path):
    file = tmp_path / "cold.wav"
    assert run("say", "-o", str(file), "--", "-3度です。")[0] == 0
    assert soundfile.info(file).frames > 48000


@pytest.mark.parametrize("dash", [[], ["-"]])
def test_say_takes_standard_input(run, feed, tmp_path, dash):
    file = tmp_path / "bath.wav"
    feed("お風呂が\n沸きました。\n\n今日は晴れです。")
    assert run("say", "-o", str(file), *dash) == (0, b"", "")
    assert soundfile.info(file).duration > 2


def test_say_streams_to_standard_output(run, tmp_path):
    file = tmp_path / "bath.wav"
    assert run("say", "-o", str(file), BATH)[0] == 0
    status, out, err = run("say", "-o", "-", BATH)
    assert (status, err) == (0, "")
    assert np.array_equal(pcm(out), soundfile.read(file, dtype="int16")[0])


def test_say_replaces_a_file(run, tmp_path):
    file = tmp_path / "bath.wav"
    file.write_text("old")
    assert run("say", "-o", str(file), BATH) == (0, b"", "")
    assert soundfile.info(file).duration > 1
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("broken_voice")
def test_say_keeps_a_file_if_speaking_fails(run, tmp_path):
    file = tmp_path / "bath.wav"
    file.write_text("old")
    status, out, err = run("say", "-o", str(file), BATH)
    assert (status, out) == (1, b"")
    assert err == "wyoming-hayakoe: speaking failed: RuntimeError: out of breath\n"
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("broken_voice")
def test_say_has_given_out_what_was_spoken_before_it_failed(run):
    status, out, _ = run("say", "-o", "-", BATH)
    assert status == 1
    assert len(pcm(out)) == 2400


# say, when something is wrong


def test_options_out_of_range_are_refused_with_the_range(run, tmp_path):
    for option in sorted(set(RANGES) - {"seed"}):
        low, high = RANGES[option]
        for value in (low - 1, high + 1, *([] if option == "speaker_id" else [float("nan")])):
            flag = f"--{option.replace('_', '-')}={value}"
            status, out, err = run("say", "-o", str(tmp_path / "bath.wav"), flag, BATH)
            assert (status, out) == (2, b"")
            assert err == (
                f"wyoming-hayakoe: {option} must be from {low:g} to {high:g}, not {value!r}\n"
            )
    assert list(tmp_path.iterdir()) == []


def test_an_option_that_is_no_number(run):
    status, _, err = run("say", "-o", "x.wav", "--speed", "fast", BATH)
    assert status == 2
    assert "argument --speed: invalid float value: 'fast'" in err


def test_a_speaker_is_a_whole_number_of_one_that_there_is(run, tmp_path):
    status, _, err = run("say", "-o", str(tmp_path / "x.wav"), "--speaker-id", "1.5", BATH)
    assert status == 2
    assert "argument --speaker-id: invalid int value: '1.5'" in err
    status, _, err = run("say", "-o", str(tmp_path / "x.wav"), "--speaker-id", "1", BATH)
    assert status == 2
    assert err.startswith("wyoming-hayakoe: voice mei has 1 speakers, so speaker_id must be from 0")


def no_text():
    raise AssertionError("the text was waited for")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-o", "x.m4a"], "x.m4a: unknown audio format; the extensions are .wav, .flac, .ogg, "),
        (["-o", "gone/x.wav"], "gone/x.wav: there is no folder gone"),
        (["-o", "x.wav", "--speed", "9"], "speed must be from 0.25 to 4, not 9.0"),
        (["-o", "x.wav", "--voice", "may"], "voice: there is no voice 'may'; the voices are mei"),
        (["-o", "x.wav", "--set", "speech.sped=2"], "speech.sped: there is no such setting; did "),
        (["-o", "x.wav", "--config", "gone.yaml"], "there is no configuration file gone.yaml"),
    ],
)
def test_what_is_wrong_is_found_before_the_text_is_read(
    run, monkeypatch, tmp_path, arguments, complaint
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "_lines", lambda _: no_text())
    status, out, err = run("say", *arguments)
    assert (status, out) == (2, b"")
    assert err.startswith(f"wyoming-hayakoe: {complaint}")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["-o", "x.m4a"], ["-o", "gone/x.wav"], ["--speed", "0"]])
def test_nothing_is_loaded_for_a_wrong_argument(run, monkeypatch, arguments):
    monkeypatch.setattr(app, "build_engine", no_text)
    assert run("say", *arguments, BATH)[0] == 2


def test_an_unknown_style_is_refused(run, tmp_path):
    status, _, err = run("say", "-o", str(tmp_path / "x.wav"), "--style", "Happy", BATH)
    assert (status, err) == (
        2,
        "wyoming-hayakoe: voice mei has no style 'Happy'; it has no styles\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", " ", "。", "---", "\N{GRINNING FACE}", "\u200b\n"])
def test_a_text_without_anything_to_speak_is_refused(run, tmp_path, text):
    status, out, err = run("say", "-o", str(tmp_path / "x.wav"), "--", text)
    assert (status, out) == (2, b"")
    assert err.endswith("wyoming-hayakoe: there is nothing to speak in this text\n")
    assert list(tmp_path.iterdir()) == []


def test_standard_input_that_is_not_utf8(run, feed, tmp_path):
    feed("お風呂".encode("shift_jis"))
    status, _, err = run("say", "-o", str(tmp_path / "x.wav"))
    assert status == 2
    assert err.startswith("wyoming-hayakoe: standard input is not UTF-8: ")
    assert list(tmp_path.iterdir()) == []


def test_a_text_argument_that_is_not_utf8(run, tmp_path):
    text = os.fsdecode(b"\x82\xa8")
    status, _, err = run("say", "-o", str(tmp_path / "x.wav"), text)
    assert (status, err) == (2, "wyoming-hayakoe: the text is not UTF-8\n")


def test_without_standard_input_there_is_nothing_to_speak(run, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", None)
    status, _, err = run("say", "-o", str(tmp_path / "x.wav"))
    assert (status, err) == (2, "wyoming-hayakoe: there is nothing to speak in this text\n")


def test_a_file_that_cannot_be_written(run):
    status, _, err = run("say", "-o", "/proc/x.wav", BATH)
    assert status == 1
    assert re.fullmatch(r"wyoming-hayakoe: /proc/x\.wav: [\w ]+\n", err)


# say, through the loudspeaker


def test_without_a_player_there_is_a_hint(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run("say", BATH) == (
        1,
        b"",
        (
            "wyoming-hayakoe: no audio player found\n"
            "hint: write a file with -o speech.wav, or install one of: "
            "pw-play, paplay, aplay, ffplay, play\n"
        ),
    )


def install_player(folder, script):
    player = folder / "pw-play"
    player.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    player.chmod(0o755)


def test_say_plays(run, monkeypatch, tmp_path):
    install_player(tmp_path, f"cat > {tmp_path}/heard.wav")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run("say", BATH) == (0, b"", "")
    assert len(pcm((tmp_path / "heard.wav").read_bytes())) > 48000


def test_a_player_that_fails(run, monkeypatch, tmp_path):
    install_player(tmp_path, "exit 3")
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out, err = run("say", BATH * 3)
    assert (status, out) == (1, b"")
    assert err == (
        "wyoming-hayakoe: pw-play failed with exit status 3\n"
        "hint: is there a sound device? -o speech.wav writes a file instead\n"
    )


def test_a_player_that_is_no_program(run, monkeypatch, tmp_path):
    (tmp_path / "pw-play").write_text("#!/nowhere/sh\n")
    (tmp_path / "pw-play").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run("say", BATH) == (1, b"", "wyoming-hayakoe: pw-play: No such file or directory\n")


# read


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        (BATH, BATH_KANA),
        ("今日は、晴れ？明日は雨。", "キョーワ、ハレ？アシタワアメ"),
        ("お風呂です。\n\n---\nご飯です\n", "オフロデス\n\n\nゴハンデス"),
    ],
)
def test_read_prints_one_line_for_each_line(run, text, reading):
    assert run("read", text) == (0, f"{reading}\n".encode(), "")


@pytest.mark.parametrize("dash", [[], ["-"]])
def test_read_takes_standard_input(run, feed, dash):
    feed("\ufeffお風呂が沸きました。\r\n😀\nはい")
    assert run("read", *dash) == (0, f"{BATH_KANA}\n\nハイ\n".encode(), "")


def test_read_shows_details(run):
    status, out, _ = run("read", "--details", "お風呂が、沸きました。")
    assert status == 0
    sentence, kana, accents, *words = out.decode().splitlines()
    assert sentence == "お風呂が、沸きました。"
    assert kana == "  オフロガ、ワキマシタ"
    assert accents == "  accent phrases: オフロガ[0]、 / ワキマシタ[3]"
    table = [line.split() for line in words]
    assert table[1] == ["1–3", "風呂", "フロ", "名詞"]
    assert table[3] == ["4–5", "、", "(silent)", "記号"]
    assert "".join(row[1] for row in table) == sentence


def test_read_shows_words_that_the_dictionary_does_not_know(run):
    _, out, _ = run("read", "--details", "ホゲラピヨンです。")
    assert "ホゲラピヨン  名詞  not in the dictionary\n" in out.decode()


@pytest.mark.parametrize("text", ["", "---", "\n\n"])
def test_read_finds_nothing_to_speak(run, text):
    status, out, err = run("read", "--", text)
    assert status == 2
    assert out.strip() == b""
    assert err == "wyoming-hayakoe: there is nothing to speak in this text\n"


def test_read_takes_only_utf8_and_has_read_what_came_before(run, feed):
    feed("はい\n".encode() + b"\xff\n")
    status, out, err = run("read")
    assert (status, out.decode()) == (2, "ハイ\n")
    assert err.startswith("wyoming-hayakoe: standard input is not UTF-8: ")


def test_an_output_that_cannot_show_japanese(run, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    status, _, err = run("read", "はい")
    assert status == 1
    assert err.startswith("wyoming-hayakoe: standard output cannot take the text: 'ascii' codec")
    assert err.endswith("hint: set PYTHONUTF8=1\n")


# voices


def test_voices_lists_voices_and_presets_the_default_first(run, config):
    path = config("voice: quick\npresets: {quick: {voice: mei, title: 早口, speed: 2}}")
    status, out, _ = run("voices", "--config", path)
    assert status == 0
    quick, mei = (line.split("\t") for line in out.decode().splitlines())
    assert quick[:2] == ["quick (default)", "早口"]
    assert mei[:3] == ["mei", "メイ（女性・内蔵）", "CC BY 3.0"]
    assert "Nagoya Institute of Technology" in mei[3]


def test_voices_as_json(run):
    status, out, _ = run("voices", "--json", "--set", "presets.quick.voice=mei")
    assert status == 0
    mei, quick = json.loads(out)
    assert mei["name"] == "mei"
    assert mei["default"] is True
    assert mei["languages"] == ["ja"]
    assert mei["sample_rate_hz"] == 48000
    assert mei["licence"] == "CC BY 3.0"
    assert mei["url"].startswith("http")
    assert (quick["name"], quick["default"], quick["credit"]) == ("quick", False, mei["credit"])
    assert "メイ" in out.decode()


# Settings


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--set", "speech.speed"], "--set takes KEY=VALUE, not 'speech.speed'"),
        (["--set", "=2"], "--set takes KEY=VALUE, not '=2'"),
        (["--set", "sped=2"], "sped: there is no such setting; did you mean 'speech'? The "),
        (["--set", "speech.speed=9"], "speech.speed: must be less than or equal to 4, not '9'"),
        (["--set", "speech=9"], "speech: must be a group of settings, not '9'"),
        (["--set", "voice=may"], "voice: there is no voice 'may'; the voices are mei"),
        (["--set", "presets.a.voice=may"], "presets.a.voice: there is no voice 'may'; the voices"),
        (["--set", "presets.mei.voice=mei"], "presets.mei: there is a voice of this name already"),
        (
            ["--set", "threads=1", "--set", "threads.count=2"],
            "threads.count: threads is a single setting",
        ),
        (["--set", "wyoming.uri=here"], "wyoming.uri: 'here' is no address to listen on; use tcp"),
    ],
)
def test_a_wrong_setting_is_a_usage_error_that_names_it(run, arguments, complaint):
    status, out, err = run("voices", *arguments)
    assert (status, out) == (2, b"")
    assert err.startswith(f"wyoming-hayakoe: {complaint}")


def test_each_wrong_setting_has_a_line(run, config):
    status, _, err = run("voices", "--config", config("qqq: 1\nlog: {level: loud, format: xml}"))
    assert status == 2
    assert len(err.splitlines()) == 3
    assert all(line.startswith("wyoming-hayakoe: ") for line in err.splitlines())


def test_the_last_of_several_values_wins(run):
    arguments = ["--set", "voice=may", "--set", "voice=mei"]
    assert run("voices", *arguments)[0] == 0


def test_a_flag_wins_over_set(run, monkeypatch):
    seen = []

    monkeypatch.setattr(app, "serve", seen.append)
    monkeypatch.setattr("wyoming_hayakoe.logs.set_up_logging", lambda _: None)
    flags = ["--uri", "tcp://127.0.0.1:1", "--voice", "a", "--no-zeroconf", "--zeroconf-name", "b"]
    more = ["--log-level", "error", "--log-format", "json"]
    sets = ["wyoming.uri=stdio://", "voice=x", "zeroconf.enabled=true", "log.level=debug"]
    assert run("serve", *(f"--set={one}" for one in sets), *flags, *more)[0] == 0
    (settings,) = seen
    assert settings.wyoming.uri == "tcp://127.0.0.1:1"
    assert settings.voice == "a"
    assert (settings.zeroconf.enabled, settings.zeroconf.name) == (False, "b")
    assert (settings.log.level, settings.log.format) == ("error", "json")


def test_environment_variables_count(run, monkeypatch):
    monkeypatch.setenv("HAYAKOE_VOICE", "may")
    assert run("voices")[0] == 2
    assert run("voices", "--set", "voice=mei")[0] == 0


# Real processes


def test_read_answers_each_line_as_it_comes_and_ends_at_ctrl_c(start):
    process = start("read")
    for _ in range(2):
        process.stdin.write(f"{BATH}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().decode() == f"{BATH_KANA}\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(HANG_S) == 130
    assert process.stderr.read() == b""


def test_say_through_a_pipe(start):
    process = start("say", "-o", "-")
    out, err = process.communicate(BATH.encode(), HANG_S)
    assert (process.returncode, err) == (0, b"")
    assert len(pcm(out)) > 48000


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_had_enough_is_no_trouble(start, monkeypatch, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    process = start("voices")
    process.stdout.close()
    assert process.wait(HANG_S) == 1
    assert process.stderr.read() == b""


def test_a_full_disk_is_one_complaint(start, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "")
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        process = start("voices", stdout=full)
    assert process.wait(HANG_S) == 1
    assert process.stderr.read() == b"wyoming-hayakoe: No space left on device\n"


def test_serve_ends_at_once_where_its_port_is_taken(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        uri = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        process = start("serve", "--uri", uri, "--no-zeroconf", "--set=http.enabled=false")
        _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 2
    complaint, hint = err.decode().splitlines()[-2:]
    assert complaint.startswith(
        f"wyoming-hayakoe: wyoming.uri: cannot listen on {uri}: Address already in use"
    )
    assert hint == "hint: is another server running there? `wyoming-hayakoe doctor` tells"
    assert "Traceback" not in err.decode()


def test_serve_ends_at_ctrl_c_with_status_0(start):
    process = start(
        *("serve", "--uri", "tcp://127.0.0.1:0", "--no-zeroconf", "--log-format", "json"),
        "--set=http.enabled=false",
    )
    ready = json.loads(process.stderr.readline())
    assert ready["message"].startswith(f"Hayakoe {__version__} is ready on tcp://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    assert process.wait(HANG_S) == 0
    assert process.stdout.read() == b""
    assert [json.loads(line)["message"] for line in process.stderr][-1] == "stopping"
