"""Many texts in one request."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from hayakoe_engine.errors import HayakoeError
from hayakoe_engine.scheduler import Priority
from wyoming_hayakoe.http.audio_response import (
    EncodedNarration,
    Output,
    abort,
    check_length,
    narrate,
    send,
)
from wyoming_hayakoe.http.body import read_body
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import Invalid, problem_of
from wyoming_hayakoe.http.keys import SETTINGS, SPEECH
from wyoming_hayakoe.http.rest_speech import TAG, Manner

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from wyoming_hayakoe.speech import Request


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
    request.app[SPEECH].begin(wanted).close()  # a voice that is not there has its own status
    pieces, media_type = (
        (_zip, "application/zip") if batch.container == "zip" else (_lines, "application/x-ndjson")
    )
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type = media_type
    if batch.container == "zip":
        response.headers["Content-Disposition"] = 'attachment; filename="speech.zip"'
    await response.prepare(request)
    try:
        async with aclosing(pieces(request, batch, wanted)) as made:
            async for piece in made:
                await send(request, response, piece)
    except Exception:
        abort(request)
        raise
    await response.write_eof()
    return response


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


async def _lines(
    request: web.Request, batch: Batch, wanted: Request
) -> AsyncGenerator[bytes, None]:
    """One line of JSON after the other."""
    for index, text in enumerate(batch.texts):
        entry, sound = await _spoken(request, wanted, text, batch.output)
        if sound is not None:
            entry["audio"] = base64.b64encode(sound).decode()
        yield json.dumps({"index": index, **entry}, ensure_ascii=False).encode() + b"\n"


async def _zip(request: web.Request, batch: Batch, wanted: Request) -> AsyncGenerator[bytes, None]:
    """The bytes of the archive, file by file."""
    sink = _Sink()
    index = []
    extension = "raw" if batch.format == "pcm" else batch.format
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for number, text in enumerate(batch.texts, 1):
            entry, sound = await _spoken(request, wanted, text, batch.output)
            if sound is not None:
                entry["file"] = f"{number:03}.{extension}"
                await asyncio.to_thread(archive.writestr, str(entry["file"]), sound)
            index.append(entry)
            yield sink.take()
        archive.writestr("index.json", json.dumps(index, ensure_ascii=False, indent=1))
    yield sink.take()


async def _spoken(
    request: web.Request, wanted: Request, text: str, output: Output
) -> tuple[dict[str, object], bytes | None]:
    """What is said of one text, and its sound unless it failed."""
    entry: dict[str, object] = {"text": text}
    try:
        narration = narrate(request, wanted, text)
        try:
            audio = EncodedNarration(narration, output, is_streamed=False)
            sound = b"".join([piece async for piece in audio.pieces()])
        finally:
            narration.close()
    except HayakoeError as error:
        problem = problem_of(error)
        return {**entry, "error": {"code": problem.code, "message": problem.message}}, None
    entry |= {"sample_rate": audio.sample_rate_hz, "seconds": round(audio.audio_s, 3)}
    return entry, sound


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
