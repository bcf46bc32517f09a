"""Many texts in one request."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from aiohttp import web
from pydantic import Field

from hayakoe_engine.errors import HayakoeError
from hayakoe_engine.scheduler import Priority
from wyoming_hayakoe.http.audio_response import (
    EncodedNarration,
    check_length,
    narrate,
    send_all,
)
from wyoming_hayakoe.http.body import read_body
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import Invalid, problem_of
from wyoming_hayakoe.http.keys import SETTINGS
from wyoming_hayakoe.http.rest_speech import TAG, Manner

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from wyoming_hayakoe.speech import Narration, Request

    Spoken: TypeAlias = AsyncGenerator[tuple[dict[str, object], bytes | None], None]


class Batch(Manner):
    """Texts that are spoken in the same manner, one file for each."""

    texts: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    """What to say."""
    container: Literal["zip", "ndjson"] = "zip"
    """`zip` has a file for each text, `001.wav` and so on, and `index.json`; `ndjson` has a line
    of JSON for each, with the sound in base64. Both are sent as the sounds are made."""


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [web.post("/synthesize/batch", synthesize_batch)]


@documented(
    "Speak many texts",
    tag=TAG,
    description="Those that fail say so in their line, or in `index.json`; the others go on.",
    body=Batch,
    responses={200: "application/zip, application/x-ndjson"},
)
async def synthesize_batch(request: web.Request) -> web.StreamResponse:
    """Answer with one sound after the other."""
    batch = await read_body(request, Batch)
    check_texts(request, batch.texts)
    wanted = batch.request(Priority.BATCH)
    # Begun before the answer is, so that a voice that is not there has its own status.
    first = narrate(request, wanted, batch.texts[0])
    spoken = _spoken(request, batch, wanted, first)
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    if batch.container == "zip":
        response.content_type = "application/zip"
        response.headers["Content-Disposition"] = 'attachment; filename="speech.zip"'
        pieces = _zip(batch, spoken)
    else:
        response.content_type = "application/x-ndjson"
        pieces = _lines(spoken)
    try:
        return await send_all(request, response, pieces)
    finally:
        first.close()


def check_texts(request: web.Request, texts: Sequence[str]) -> None:
    """Refuse what is too much.

    Raises:
        Invalid: There are too many texts.
        TextTooLong: One is too long.
    """
    most = request.app[SETTINGS].max_batch_texts
    if len(texts) > most:
        raise Invalid(f"texts: there are {len(texts)}; at most {most}", param="texts")
    for text in texts:
        check_length(request, text)


async def _lines(spoken: Spoken) -> AsyncGenerator[bytes, None]:
    """One line of JSON after the other."""
    index = 0
    async with aclosing(spoken):
        async for entry, sound in spoken:
            if sound is not None:
                entry["audio"] = base64.b64encode(sound).decode()
            yield json.dumps({"index": index, **entry}, ensure_ascii=False).encode() + b"\n"
            index += 1


async def _zip(batch: Batch, spoken: Spoken) -> AsyncGenerator[bytes, None]:
    """The bytes of the archive, file by file."""
    sink = _Sink()
    index: list[dict[str, object]] = []
    extension = "raw" if batch.format == "pcm" else batch.format
    async with aclosing(spoken):
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
            async for entry, sound in spoken:
                if sound is not None:
                    name = f"{len(index) + 1:03}.{extension}"
                    entry["file"] = name
                    await asyncio.to_thread(archive.writestr, name, sound)
                index.append(entry)
                yield sink.take()
            archive.writestr("index.json", json.dumps(index, ensure_ascii=False, indent=1))
    yield sink.take()


async def _spoken(request: web.Request, batch: Batch, wanted: Request, first: Narration) -> Spoken:
    """What is said of each text, and its sound unless it failed."""
    narration: Narration | None = first
    for text in batch.texts:
        entry: dict[str, object] = {"text": text}
        sound = None
        try:
            narration = narration or narrate(request, wanted, text)
            audio = EncodedNarration(narration, batch.output, is_streamed=False)
            sound = b"".join([piece async for piece in audio.pieces()])
            entry |= {"sample_rate": audio.sample_rate_hz, "seconds": round(audio.audio_s, 3)}
        except HayakoeError as error:
            problem = problem_of(error)
            entry["error"] = {"code": problem.code, "message": problem.message}
        finally:
            if narration is not None:
                narration.close()
                narration = None
        yield entry, sound


class _Sink(io.RawIOBase):
    """A file that gives away what was written; it has no way back, and zipfile needs none."""

    def __init__(self) -> None:
        super().__init__()
        self._ready = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - whatever zipfile has
        before = len(self._ready)
        self._ready += memoryview(data)
        return len(self._ready) - before

    def take(self) -> bytes:
        data = bytes(self._ready)
        self._ready.clear()
        return data
