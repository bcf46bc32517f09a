"""What takes bytes from strangers, by name: given any bytes, it returns or raises our own errors.

For ``script/fuzz`` and for the tests, which give them the corpus and what is near it.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from hayakoe_engine.errors import HayakoeError
from hayakoe_engine.text.clean import Cleaner
from hayakoe_engine.text.dictionary.formats import parse_words
from hayakoe_engine.text.markup import parse_ssml
from hayakoe_engine.text.split import split_sentences
from hayakoe_engine.voices.sbv2.aivmx import Aivmx
from hayakoe_engine.voices.sbv2.config import VoiceConfig
from hayakoe_engine.voices.sbv2.styles import StyleVectors
from wyoming_hayakoe.settings import load_settings
from wyoming_hayakoe.wire import MAX_LINE_BYTES, read_event

MAX_EVENT_BYTES = 65_536


@contextmanager
def as_file(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        yield Path(file.name)


def wire(data):
    async def read():
        reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        reader.feed_data(data)
        reader.feed_eof()
        while await read_event(reader, MAX_EVENT_BYTES) is not None:
            pass

    with suppress(asyncio.IncompleteReadError):
        asyncio.run(read())


def ssml(data):
    parse_ssml(data.decode("utf-8", "replace"))


def prose(data):
    cleaner = Cleaner()
    for sentence in split_sentences(data.decode("utf-8", "replace")):
        cleaner.clean(sentence)


def dictionary_yaml(data):
    parse_words(data, "yaml")


def dictionary_csv(data):
    parse_words(data, "csv")


def dictionary_json(data):
    parse_words(data, "json")


def voice_config(data):
    with as_file(data) as path:
        VoiceConfig.load(path)


def style_vectors(data):
    with as_file(data) as path:
        StyleVectors.load(path, {"Neutral": 0, "Happy": 1})


def aivmx(data):
    with as_file(data) as path:
        Aivmx.open(path)


def settings(data):
    with as_file(data) as path:
        load_settings(path)


TARGETS = {
    target.__name__: target
    for target in (
        wire,
        ssml,
        prose,
        dictionary_yaml,
        dictionary_csv,
        dictionary_json,
        voice_config,
        style_vectors,
        aivmx,
        settings,
    )
}


def survive(name, data):
    """Give a target these bytes; whatever it raises that is none of our errors is a bug."""
    with suppress(HayakoeError):
        TARGETS[name](data)
