"""What docs/http-api.md says can be done, can be done."""

from __future__ import annotations

import asyncio
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hayakoe_engine.tts import TTS
from hayakoe_engine.voices.voice import VoiceInfo
from wyoming_hayakoe.added_voices import AddedVoices
from wyoming_hayakoe.http.errors import STATUSES
from wyoming_hayakoe.http.openapi import build_document
from wyoming_hayakoe.http.rest_speech import Synthesis
from wyoming_hayakoe.settings import Settings
from wyoming_hayakoe.voice_library import VoiceLibrary

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "http-api.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:10280"
HANG_S = 60.0


class Hum:
    """A voice that is made at once, in place of one that would be downloaded."""

    def __init__(self, name):
        self.info = VoiceInfo(
            name=name,
            title=name,
            sample_rate_hz=16_000,
            licence="",
            credit="",
            url="",
            version="",
        )

    def begin(self, reading, options, rng):  # noqa: ARG002 - a voice is called like this
        yield rng.uniform(-0.5, 0.5, 1600).astype(np.float32)

    def close(self):
        pass


@pytest.fixture
async def served(serve, tmp_path):
    settings = Settings(voices={"jvnv-F1-jp": {}})
    with TTS(threads=2, dictionary=tmp_path / "dictionary.yaml").load("mei").prepare() as tts:
        library = VoiceLibrary(
            tts,
            settings,
            AddedVoices(tmp_path / "voices.yaml"),
            origin=lambda name, _: lambda: Hum(name),
        )
        library.start()
        served = await serve(tts=tts, library=library)
        library.follow(lambda book: setattr(served.speech, "voices", book))
        async with asyncio.timeout(HANG_S):
            while not library.is_settled:  # noqa: ASYNC110 - it is in a thread
                await asyncio.sleep(0.01)
        served.speech.voices = library.book
        yield served
        library.stop()


def commands():
    """The lines of the shell, with those that go on in the next."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    return "".join(blocks).replace("\\\n", "").splitlines()


async def test_every_line_can_be_typed_in(served, tmp_path):
    (tmp_path / ".curlrc").write_text('fail-with-body\nshow-error\nnoproxy = "*"\n', "utf-8")
    for command in commands():
        process = await asyncio.create_subprocess_shell(
            command.replace(ADDRESS, served.url),
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "CURL_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), HANG_S)
        assert process.returncode == 0, (command, output.decode(errors="replace"))
    assert soundfile.info(tmp_path / "bath.wav").samplerate == 48_000
    assert soundfile.info(tmp_path / "bath.mp3").frames > 10_000
    assert (tmp_path / "bath.pcm").stat().st_size > 24_000
    assert zipfile.ZipFile(tmp_path / "greetings.zip").testzip() is None
    lines = (tmp_path / "greetings.ndjson").read_text("utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["おはよう。", "おやすみ。"]


def asked(command):
    """The method and the path of a line."""
    method = re.search(r" -X (\w+)", command)
    usual = "POST" if "Content-Type:" in command else "GET"
    return method[1] if method else usual, re.search(ADDRESS + "(/[^ ?]*)", command)[1]


async def test_every_address_of_ours_has_a_line(served):
    lines = {asked(command) for command in commands()}
    of_others = {"OpenAI", "VOICEVOX"}
    for path, methods in build_document(served.server._app)["paths"].items():
        for method, operation in methods.items():
            if not of_others.intersection(operation["tags"]):
                pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
                assert any(
                    known == method.upper() and pattern.fullmatch(place) for known, place in lines
                ), (method, path)


def test_every_field_and_every_error_is_in_the_tables():
    for field in Synthesis.model_fields:
        assert re.search(rf"^\|.*`{field}`", TEXT, re.MULTILINE), field
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", TEXT, re.MULTILINE)
    documented = {
        code: int(status) for status, codes in rows for code in re.findall("`(.*?)`", codes)
    }
    assert {code: status for code, status in documented.items() if status != 500} == dict(STATUSES)
