"""``wyoming-hayakoe prerender``: what one process makes ahead, another one says at once."""

import asyncio
import io
import os
import signal
import sqlite3
from contextlib import closing, contextmanager

import pytest
from wyoming.audio import AudioChunk
from wyoming.client import AsyncClient
from wyoming.tts import Synthesize, SynthesizeVoice

from wyoming_hayakoe import commands

WAKE_UP = "起きる時間です。"
DINNER = "夕食ができました。"
HANG_S = 120.0


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for variable in list(os.environ):  # noqa: TID251 - to be empty
        if variable.upper().startswith("HAYAKOE_"):
            monkeypatch.delenv(variable)


@pytest.fixture
def mini(published, installed, tmp_path):
    """Settings with a neural voice that is installed, and a cache of their own for phrases."""
    return (
        f"--set=cache={installed[0]}",
        f"--set=machine_cache={tmp_path}/machine",
        f"--set=voices.mini.source={published}",
        "--set=voice=mini",
    )


@pytest.fixture
def remembered(monkeypatch):
    """What becomes of sentences in the engines that commands make: figures at their end."""
    figures = []
    book = commands._voice_book

    @contextmanager
    def voice_book(*args, **kwargs):
        with book(*args, **kwargs) as voices:
            yield voices
            figures.append(voices.find(None).speaker._phrases.figures)

    monkeypatch.setattr(commands, "_voice_book", voice_book)
    return figures


def test_what_was_made_ahead_need_not_be_made_again(run, mini, remembered, tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text(f"\n{DINNER}\n\n", "utf-8")
    status, out, err = run("prerender", *mini, f"--file={file}", WAKE_UP)
    assert (status, err) == (0, "")
    first, second = out.decode().splitlines()
    assert first.endswith(f" s\t{WAKE_UP}")
    assert second.endswith(f" s\t{DINNER}")
    wave = str(tmp_path / "dinner.wav")
    assert run("say", *mini, "-o", wave, WAKE_UP + DINNER)[0] == 0
    assert (remembered[1].disk_hits, remembered[1].misses) == (2, 0)


def test_texts_from_standard_input(run, mini, monkeypatch):
    class Input:
        buffer = io.BytesIO(f"{WAKE_UP}\n{DINNER}\n".encode())

    monkeypatch.setattr("sys.stdin", Input)
    status, out, _ = run("prerender", *mini, "--file=-")
    assert status == 0
    assert len(out.splitlines()) == 2


def pinned(folder):
    """Of the sentences on the disk, whether each is yet to be spoken."""
    with closing(sqlite3.connect(next(folder.glob("*.db")))) as database:
        return [bool(row[0]) for row in database.execute("SELECT pinned FROM phrases")]


async def test_a_running_server_says_what_was_made_ahead(run, mini, start, tmp_path):
    address = f"unix://{tmp_path}/server"
    server = start("serve", *mini, "--uri", address, "--set=fallback.enabled=false")
    async with asyncio.timeout(HANG_S):
        line = ""
        while "voice mini is ready" not in line:
            line = (await asyncio.to_thread(server.stderr.readline)).decode()
            assert line, "the server has ended"
        status, _, err = await asyncio.to_thread(run, "prerender", *mini, WAKE_UP)
        assert (status, err) == (0, "")
        assert pinned(tmp_path / "machine" / "phrases") == [True]
        async with AsyncClient.from_uri(address) as client:
            voice = SynthesizeVoice(name="mini")
            await client.write_event(Synthesize(WAKE_UP, voice=voice).event())
            while not AudioChunk.is_type((await client.read_event()).type):
                pass
        server.send_signal(signal.SIGTERM)
        await asyncio.to_thread(server.communicate)
    assert pinned(tmp_path / "machine" / "phrases") == [False]


def test_a_text_without_words_is_named_and_the_others_are_made(run, mini):
    status, out, err = run("prerender", *mini, "。。。", WAKE_UP)
    assert status == 1
    assert err == "wyoming-hayakoe: 。。。: there is nothing to speak in this text\n"
    assert out.decode().endswith(f"{WAKE_UP}\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "there is no text; give TEXT or --file"),
        ((WAKE_UP, "--set=phrase_cache.disk_mb=0"), "phrase_cache.disk_mb: is 0"),
        ((WAKE_UP, "--voice=mei"), "voice mei keeps nothing: it is as fast the first time"),
        ((WAKE_UP, "--voice=nobody"), "there is no voice 'nobody'"),
        (("\udcff",), "the text is not UTF-8"),
    ],
)
def test_what_cannot_be_done_is_said(run, mini, arguments, complaint):
    status, out, err = run("prerender", *mini, *arguments)
    assert (status, out) == (2, b"")
    assert complaint in err


def test_a_file_that_is_not_utf_8_or_not_there(run, mini, tmp_path):
    file = tmp_path / "texts.txt"
    assert run("prerender", *mini, f"--file={file}")[0] == 1
    file.write_bytes(b"\xff\xfe")
    status, _, err = run("prerender", *mini, f"--file={file}")
    assert status == 2
    assert f"{file} is not UTF-8" in err


def test_a_disk_that_takes_nothing_is_named(run, mini, tmp_path, caplog):
    (tmp_path / "machine").mkdir()
    (tmp_path / "machine" / "phrases").write_text("no folder")
    status, _, err = run("prerender", *mini, WAKE_UP)
    assert status == 1
    assert "sentences are not kept in" in caplog.text
    assert f"{WAKE_UP}: cannot be kept on the disk" in err
