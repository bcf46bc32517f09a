"""Texts that are no sentences, and what kind of answer a server gives to them."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from wyoming.audio import AudioChunk, AudioStop
from wyoming.error import Error
from wyoming.event import async_read_event

from benchmarks.support.hostile import event_bytes
from benchmarks.support.server import HOST

_LISTENING_S: Final = 10.0
"""How long a client listens to what does not end."""


def odd_texts(letter: str, sentences: str) -> dict[str, str]:
    """All of them, by what they are.

    Args:
        letter: Of the language that is spoken.
        sentences: In it.
    """
    long_text = sentences * (100_000 // len(sentences) + 1)
    return {
        "empty": "",
        "spaces and line breaks": " \n\t\u3000\r\n",
        "punctuation only": "。、！？…「」.!?,;:()",
        "emoji only": "🎉👍🏽",
        "control characters only": "\x00\x01\x07\x1b\x7f\u200b\ufeff\u202e",
        "half a character (a lone surrogate)": "\ud83d",
        "Japanese": "お風呂が沸きました。",
        "English": "The bath is ready.",
        "Arabic, Thai, Hindi, Korean": "مرحبا. สวัสดี. नमस्ते. 안녕하세요.",
        "5,000 digits": "1234567890" * 500,
        "5,000 letters without a space": letter * 5000,
        "20,000 characters in sentences": long_text[:20_000],
        "100,000 characters in sentences": long_text[:100_000],
    }


async def answer_to(port: int, text: str, patience_s: float) -> str:
    """What kind of answer a text gets.

    Args:
        port: Where the server is.
        text: What to say.
        patience_s: How long the first word of an answer is waited for.
    """
    begun = time.perf_counter()
    first_s, audio_s = None, 0.0
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(event_bytes("synthesize", text=text))
        while True:
            async with asyncio.timeout(patience_s if first_s is None else _LISTENING_S):
                event = await async_read_event(reader)
            now_s = time.perf_counter() - begun
            if event is None:
                return f"closed after {now_s:.1f} s, with {audio_s:.1f} s of audio"
            if Error.is_type(event.type):
                return f"error {Error.from_event(event).code or 'without a code'}"
            if AudioStop.is_type(event.type):
                return f"{audio_s:.1f} s of audio" if audio_s else "ends without audio"
            if AudioChunk.is_type(event.type):
                audio_s += AudioChunk.from_event(event).seconds
                first_s = first_s or now_s
                if now_s > first_s + _LISTENING_S:
                    return f"audio after {first_s:.1f} s, goes on"
    except TimeoutError:
        return f"NOTHING for {patience_s:.0f} s" if first_s is None else "STOPS in the middle"
    except OSError as error:
        return f"reset ({type(error).__name__}), with {audio_s:.1f} s of audio"
    finally:
        writer.transport.abort()
