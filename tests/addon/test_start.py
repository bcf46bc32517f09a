"""The container's entry point becomes the server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from fake_supervisor import TOKEN
from hayakoe_addon.baked import INDEX
from hayakoe_addon.start import main as entry_point
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize

from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary

HANG_S = 60.0

# The entry point with the folders of a test, and as a user without rights even where root tests.
START = """
import json, os, sys
from pathlib import Path
from unittest.mock import patch
from hayakoe_addon import start
from hayakoe_addon.folders import Folders
folders, supervisor, port, *arguments = json.loads(sys.argv[1])
with (
    patch("os.geteuid", lambda: 10001),
    patch("hayakoe_addon.options.PORT", port),
    patch("hayakoe_addon.options.INGRESS_PORT", 0),
    patch("hayakoe_addon.options.HTTP_PORT", 0),
    patch("hayakoe_addon.discovery.PORT", port),
):
    start.announce.__kwdefaults__["port"] = port
    start.main(
        arguments,
        folders=Folders(**{name: Path(path) for name, path in folders.items()}),
        supervisor=supervisor,
    )
"""


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def start(folders, supervisor, free_port, tmp_path):
    """Start the container's process; it is gone after the test."""
    processes = []

    def start(*arguments, token=None, **environment):
        paths = {name: str(getattr(folders, name)) for name in folders.__slots__}
        log = tmp_path / "log"
        inherited = {
            "HOME": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            **environment,
        }
        if token:
            inherited["SUPERVISOR_TOKEN"] = token
        with log.open("wb") as opened:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    START,
                    json.dumps([paths, supervisor.url, free_port, *arguments]),
                ],
                stdout=subprocess.PIPE,
                stderr=opened,
                env=inherited,
            )
        processes.append(process)
        process.log = lambda: log.read_text("utf-8")
        return process

    yield start
    for process in processes:
        with process:
            process.kill()


def wait_for(condition):
    end = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def environment_of(process):
    return Path(f"/proc/{process.pid}/environ").read_text("utf-8")


async def test_the_add_on_speaks_as_the_options_say_and_is_announced(
    start, folders, supervisor, free_port
):
    options = {
        "voice": "mei",
        "speed": 9,
        "volume": 0,
        "log_level": "debug",
        "dictionary": [{"surface": "早声", "reading": "ハヤコエ"}],
    }
    folders.options.write_text(json.dumps(options), "utf-8")
    process = start(token=TOKEN)
    wait_for(lambda: supervisor.taken or process.poll() is not None)
    assert supervisor.taken == [{"uri": f"tcp://{socket.gethostname()}:{free_port}"}], process.log()
    assert not supervisor.problems

    async with AsyncTcpClient("127.0.0.1", free_port, read_timeout=HANG_S) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        assert [voice.name for voice in info.tts[0].voices] == ["mei"]
        await client.write_event(Synthesize(text="早声。").event())
        audio = b""
        while (event := await client.read_event()).type != "audio-stop":
            audio += event.payload or b""
    assert audio
    assert not any(audio), "the volume is 0"

    assert "option speed: must be less than or equal to 4, not 9" in process.log()
    assert UserDictionary(folders.dictionary).get("早声").reading == "ハヤコエ"
    assert TOKEN not in environment_of(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(HANG_S) == 0, process.log()


def test_secrets_are_for_the_server_alone(start, folders):
    folders.options.write_text(json.dumps({"hf_token": "hf_secret"}), "utf-8")
    process = start()
    wait_for(lambda: "is ready" in process.log() or process.poll() is not None)
    assert folders.settings.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(folders.settings.read_text("utf-8"))["hf_token"] == "hf_secret"
    assert "hf_secret" not in process.log()
    assert not list(folders.data.rglob("hayakoe.yaml")), "not in what is backed up"


def test_without_home_assistant_the_environment_has_the_settings(start, folders, free_port):
    index = {"hana": {"source": str(folders.share / "gone"), "title": "花子", "styles": []}}
    (folders.baked / INDEX).write_text(json.dumps(index), "utf-8")
    process = start(
        "serve",
        HAYAKOE_WYOMING__URI=f"tcp://127.0.0.1:{free_port}",
        HAYAKOE_ZEROCONF__ENABLED="false",
        HAYAKOE_HTTP__ENABLED="false",
        HAYAKOE_LOG__LEVEL="debug",
    )
    wait_for(lambda: "is ready" in process.log() or process.poll() is not None)
    wait_for(lambda: "hana" in process.log())
    assert f"127.0.0.1:{free_port}" in process.log()
    process.send_signal(signal.SIGTERM)
    assert process.wait(HANG_S) == 0


def test_a_configuration_file_of_the_users_own_wins(start, folders, free_port, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        yaml.safe_dump(
            {
                "cache": str(tmp_path / "kept"),
                "wyoming": {"uri": f"tcp://127.0.0.1:{free_port}"},
                "zeroconf": {"enabled": False},
                "voices": {"taro": {"source": str(tmp_path / "gone")}},
            }
        ),
        "utf-8",
    )
    index = {"hana": {"source": str(folders.share / "gone"), "title": None, "styles": []}}
    (folders.baked / INDEX).write_text(json.dumps(index), "utf-8")
    process = start("serve", HAYAKOE_CONFIG=str(own), HAYAKOE_HTTP__ENABLED="false")
    wait_for(lambda: "is ready" in process.log() or process.poll() is not None)
    assert f"127.0.0.1:{free_port}" in process.log()
    settings = yaml.safe_load(folders.settings.read_text("utf-8"))
    assert settings["cache"] == str(tmp_path / "kept")
    assert settings["voices"].keys() == {"taro", "hana"}


def test_a_configuration_file_that_is_wrong_is_told(start, tmp_path):
    process = start("serve", HAYAKOE_CONFIG=str(tmp_path / "nowhere.yaml"))
    assert process.wait(HANG_S) == 2
    assert f"there is no configuration file {tmp_path}/nowhere.yaml" in process.log()


def test_the_container_is_the_program(start):
    process = start("read", "室温は23.5度です。")
    answer, _ = process.communicate(timeout=HANG_S)
    assert "シツオンワ" in answer.decode(), process.log()


def test_a_command_in_the_container_knows_the_voices_of_the_image(start, folders):
    index = {"hana": {"source": str(folders.share / "gone"), "title": "花子", "styles": []}}
    (folders.baked / INDEX).write_text(json.dumps(index), "utf-8")
    process = start("voices")
    listed, _ = process.communicate(timeout=HANG_S)
    assert listed.startswith(b"mei")
    assert "voice hana: " in process.log()


def test_words_of_a_container_are_kept_with_its_data(start, folders):
    process = start("dictionary", "add", "早声", "ハヤコエ")
    assert process.wait(HANG_S) == 0, process.log()
    assert UserDictionary(folders.data / "dictionary.yaml").get("早声").reading == "ハヤコエ"


def test_a_command_beside_the_server_has_the_servers_settings(start, folders):
    """As `docker exec`, which knows the environment, not what the server has made of it."""
    UserDictionary(folders.dictionary).add("早声", "ハヤコエ")
    settings = yaml.safe_dump({"dictionary": str(folders.dictionary)})
    folders.settings.write_text(settings, "utf-8")
    process = start("dictionary", "list", HAYAKOE_CONFIG="/nowhere.yaml")
    listed, _ = process.communicate(timeout=HANG_S)
    assert "ハヤコエ" in listed.decode(), process.log()
    assert folders.settings.read_text("utf-8") == settings


def test_where_the_disk_is_read_only_words_can_be_added(folders, monkeypatch):
    """That takes temporary files, for which there is memory."""
    ran = []
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 10001)
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    monkeypatch.setattr(os, "execve", lambda *call: ran.append(call))
    entry_point(["dictionary", "add", "早声", "ハヤコエ"], folders=folders)
    [(_program, arguments, environment)] = ran
    assert arguments[-4:] == ["dictionary", "add", "早声", "ハヤコエ"]
    assert environment["TMPDIR"] == str(folders.run)


# Words among the options


def test_words_that_leave_the_options_leave_the_dictionary(folders):
    from hayakoe_addon.words import take_words

    UserDictionary(folders.dictionary).add("自分", "ジブン")
    one, two = ({"surface": surface, "reading": "ア"} for surface in ("一つ", "二つ"))
    take_words([one, two], folders.dictionary, folders.data)
    take_words([two], folders.dictionary, folders.data)
    words = [entry.surface for entry in UserDictionary(folders.dictionary).entries()]
    assert sorted(words) == sorted(["自分", "二つ"])


def test_a_wrong_word_is_told_and_the_others_are_taken(folders, caplog):
    from hayakoe_addon.words import take_words

    words = [
        {"surface": "一つ"},
        {"surface": "二つ", "reading": "two"},
        {"surface": "三つ", "reading": "ミ"},
    ]
    take_words(words, folders.dictionary, folders.data)
    assert [entry.surface for entry in UserDictionary(folders.dictionary).entries()] == ["三つ"]
    assert "option dictionary, entry 1: it has no reading" in caplog.text
    assert "option dictionary, entry 2" in caplog.text
