import asyncio
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.support.findings import Finding, table
from benchmarks.support.hostile import gang, kinds
from benchmarks.support.odd_texts import answer_to, odd_texts

HANG_S = 10.0
CHUNK = (
    b'{"type": "audio-chunk", "data": {"rate": 8000, "width": 2, "channels": 1}, '
    b'"payload_length": 16000}\n' + bytes(16000)
)
ANSWERS = {
    b"": "closed",
    b'{"type": "error", "data": {"text": "no", "code": "bad"}}\n': "error bad",
    b'{"type": "audio-stop"}\n': "ends without audio",
    CHUNK + b'{"type": "audio-stop"}\n': "1.0 s of audio",
    CHUNK: "closed",
}


class Listener:
    """A server that answers every event alike, and remembers what it was sent."""

    def __init__(self, answer=None):
        self.answer = answer
        self.heard = []
        self.connections = 0
        self._server = None
        self._more = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    def has_heard(self, opening):
        return any(heard.startswith(opening) for heard in self.heard)

    async def heard_more(self):
        self._more.clear()
        await self._more.wait()

    async def _serve(self, reader, writer):
        self.connections += 1
        self._more.set()
        heard = bytearray()
        self.heard.append(heard)
        try:
            while part := await reader.read(65536):
                heard += part
                self._more.set()
                if self.answer is not None:
                    writer.write(self.answer)
                    await writer.drain()
                    break
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.mark.parametrize("answer", ANSWERS)
async def test_an_answer_is_told_from_another(answer):
    async with asyncio.timeout(HANG_S), Listener(answer) as listener:
        found = await answer_to(listener.port, "a", HANG_S)
    assert found.startswith(ANSWERS[answer])


async def test_no_answer_is_no_audio():
    async with asyncio.timeout(HANG_S), Listener() as listener:
        assert (await answer_to(listener.port, "a", 0.05)).startswith("NOTHING for")


async def test_every_odd_text_can_be_sent():
    texts = odd_texts("あ", "はい。")
    async with asyncio.timeout(HANG_S), Listener(b'{"type": "audio-stop"}\n') as listener:
        for text in texts.values():
            await answer_to(listener.port, text, HANG_S)
    for text, heard in zip(texts.values(), listener.heard, strict=True):
        if len(text) < 5000:  # it answers before it has read longer ones
            assert json.loads(heard.partition(b"\n")[2])["text"] == text


@pytest.mark.parametrize("kind", list(kinds("はい。")), ids=lambda kind: kind.name)
async def test_wrong_clients_all_come_and_go(kind):
    async with asyncio.timeout(HANG_S), Listener() as listener, gang(listener.port, kind):
        while listener.connections < kind.number or not all(
            listener.has_heard(opening) for opening in kind.openings
        ):
            await listener.heard_more()


def test_a_table_has_a_column_for_each_server():
    found = {"ours": [Finding("kills", "0.1 s")], "theirs": [Finding("kills", "never")]}
    assert table(found) == ["| | ours | theirs |", "|---|---|---|", "| kills | 0.1 s | never |"]
