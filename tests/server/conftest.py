"""A Wyoming server on the loopback interface, voices made for tests, and a client.

Helpers are fixtures because the tests are no package.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import logging
import subprocess
import sys
import threading
import zlib
from contextlib import AsyncExitStack, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from hayakoe_engine.tts import TTS
from hayakoe_engine.voices.voice import VoiceInfo
from wyoming_hayakoe.cli import main
from wyoming_hayakoe.settings import Preset, SpeechSettings, WyomingSettings
from wyoming_hayakoe.speech import Speech
from wyoming_hayakoe.voices import VoiceBook
from wyoming_hayakoe.wyoming_server import WyomingServer

HANG_S = 30.0
"""Nothing in these tests takes so long; only a hang does."""

MODELS = Path(__file__).parents[1] / "models"


async def wait_until(condition):
    async with asyncio.timeout(HANG_S):
        while not condition():  # noqa: ASYNC110 - conditions come from threads and sockets
            await asyncio.sleep(0.005)


class FakeVoice:
    """A real voice that speaks noise: which noise depends on the sentence and the style only.

    Attributes:
        begun: Windows that were begun.
        made: Windows that were made.
    """

    def __init__(
        self,
        name="fake",
        *,
        title="偽の声",
        styles=(),
        windows=2,
        window_s=0.05,
        sample_rate_hz=16_000,
        gated=False,
        fails_at=None,
    ):
        self.info = VoiceInfo(
            name=name,
            title=title,
            sample_rate_hz=sample_rate_hz,
            licence=f"licence of {name}",
            credit=f"credit of {name}",
            url=f"https://example.com/{name}",
            version="1.2",
            styles=styles,
        )
        self.begun = 0
        self.made = 0
        self._windows = windows
        self._samples = round(window_s * sample_rate_hz)
        self._fails_at = fails_at
        self._lock = threading.Lock()
        self._gate = threading.Semaphore(0) if gated else None

    def begin(self, reading, options, rng):  # noqa: ARG002 - a voice is called like this
        noise = np.random.default_rng(zlib.crc32(f"{reading.text}|{options.style}".encode()))
        for index in range(self._windows):
            with self._lock:
                self.begun += 1
            if self._gate is not None:
                self._gate.acquire()
            if index == self._fails_at:
                raise RuntimeError("the voice is hoarse")
            with self._lock:
                self.made += 1
            yield noise.uniform(-0.5, 0.5, self._samples).astype(np.float32)

    def let(self, windows):
        """Let a gated voice make so many more windows."""
        self._gate.release(windows)

    def open_gate(self):
        if self._gate is not None:
            self._gate.release(1_000_000)

    def close(self):
        pass


class Pcm:
    """Audio that a failing test does not print."""

    def __init__(self, data):
        self.data = bytes(data)

    def __eq__(self, other):
        return self.data == other.data

    def __hash__(self):
        return hash(self.data)

    def __repr__(self):
        return f"<{len(self.data)} bytes of audio, CRC {zlib.crc32(self.data):x}>"


@dataclass(frozen=True)
class Spoken:
    """One utterance as a client has got it."""

    rate: int
    pcm: Pcm
    chunks: int

    @property
    def samples(self):
        return np.frombuffer(self.pcm.data, "<i2")

    @property
    def duration_s(self):
        return len(self.samples) / self.rate


class Client(AsyncTcpClient):
    """The client of the ``wyoming`` library with words for what tests do all the time."""

    def __init__(self, port, address="127.0.0.1"):
        super().__init__("127.0.0.1", port, read_timeout=HANG_S)
        self._address = address

    async def connect(self):
        self._reader, self._writer = await asyncio.open_connection(
            self.host, self.port, local_addr=(self._address, 0)
        )

    async def disconnect(self):
        writer = self._writer
        try:
            async with asyncio.timeout(HANG_S):
                await super().disconnect()
        except TimeoutError:
            writer.transport.abort()
        except ConnectionError:
            pass

    def stop_reading(self):
        self._writer.transport.pause_reading()

    def read_on(self):
        self._writer.transport.resume_reading()

    def vanish(self):
        """Be gone like a machine that lost its power, as far as the loopback interface can."""
        self._writer.transport.abort()

    async def send(self, *events):
        async with asyncio.timeout(HANG_S):
            for event in events:
                await self.write_event(event if isinstance(event, Event) else event.event())

    async def send_bytes(self, data):
        async with asyncio.timeout(HANG_S):
            self._writer.write(data)
            await self._writer.drain()

    async def describe(self):
        await self.send(Describe())
        return Info.from_event(await self.read_event())

    async def ask(self, text, voice=None, speaker=None):
        wanted = None if voice is None else SynthesizeVoice(name=voice, speaker=speaker)
        await self.send(Synthesize(text=text, voice=wanted))

    async def stream(self, *pieces, voice=None):
        """Send a text as Home Assistant does, the whole text once more before the end."""
        wanted = None if voice is None else SynthesizeVoice(name=voice)
        await self.send(
            SynthesizeStart(voice=wanted),
            *(SynthesizeChunk(text=piece) for piece in pieces),
            Synthesize(text="".join(pieces), voice=wanted),
            SynthesizeStop(),
        )

    async def say(self, text, voice=None, speaker=None):
        await self.ask(text, voice, speaker)
        return await self.listen()

    async def say_streamed(self, *pieces, voice=None):
        await self.stream(*pieces, voice=voice)
        spoken = await self.listen()
        assert SynthesizeStopped.is_type((await self.read_event()).type)
        return spoken

    async def listen(self):
        """Take exactly one well-formed utterance."""
        start = AudioStart.from_event(await self.expect("audio-start"))
        assert (start.width, start.channels) == (2, 1)
        pcm = bytearray()
        for chunks in itertools.count():
            event = await self.expect("audio-chunk", "audio-stop")
            if AudioStop.is_type(event.type):
                return Spoken(start.rate, Pcm(pcm), chunks)
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (start.rate, 2, 1)
            assert chunk.audio
            pcm += chunk.audio
        return None

    async def listen_chunk(self):
        return Pcm((await self.expect("audio-chunk")).payload)

    async def expect(self, *kinds):
        event = await self.read_event()
        assert event is not None, f"the connection ended; {kinds} expected"
        assert event.type in kinds, f"{event.type} {event.data}; {kinds} expected"
        return event

    async def rest(self):
        """All events to the end of the connection, which must not be within one."""
        events = []
        while (event := await self.read_event()) is not None:
            events.append(event)
        return events

    async def expect_refusal(self, code):
        """Skip audio; then there is an error of this code, and nothing after it."""
        events = await self.rest()
        assert events, "the connection ended without an error"
        *before, last = events
        assert {event.type for event in before} <= {"audio-start", "audio-chunk"}
        assert Error.is_type(last.type), last
        error = Error.from_event(last)
        assert error.code == code, error
        assert error.text
        return error


class Served:
    """A running server and what is in it."""

    def __init__(self, tts, speech, server, port, voices):
        self.tts = tts
        self.speech = speech
        self.server = server
        self.port = port
        self.voices = voices

    def client(self, address="127.0.0.1"):
        """A client at this address, which is one of this machine."""
        return Client(self.port, address)

    @property
    def connections(self):
        return len(self.server._connections)

    def pcm(self, text, voice=None, **options):
        """What a voice says, got from the engine directly."""
        speaker = self.tts.speakers[voice or next(iter(self.tts.speakers))]
        return Pcm(speaker.generate(text, **options).pcm_bytes())

    async def wait_idle(self):
        await wait_until(lambda: not self.connections and not self.tts.active_utterances)


@pytest.fixture
def until():
    return wait_until


@pytest.fixture
def fake_voice():
    return FakeVoice


@pytest.fixture
async def serve(caplog):
    """Starts servers; what they log as an error fails the test."""
    caplog.set_level(logging.DEBUG, "wyoming_hayakoe")
    async with AsyncExitStack() as stack:

        async def start(
            *voices,
            default=None,
            presets=None,
            max_utterances=64,
            fallback_after_s=None,
            **settings,
        ):
            """The first voice is the default one; "mei" is the embedded one."""
            tts = stack.enter_context(TTS(threads=2, max_utterances=max_utterances))
            fakes = [voice for voice in voices if isinstance(voice, FakeVoice)]
            for voice in voices:
                if voice in fakes:
                    tts.load(voice.info.name, source=lambda voice=voice: voice)
                else:
                    tts.load(voice)
            tts.prepare()
            book = VoiceBook(
                tts.speakers,
                SpeechSettings(),
                {name: Preset(**values) for name, values in (presets or {}).items()},
                default or next(iter(tts.speakers)),
            )
            wyoming = WyomingSettings(uri="tcp://127.0.0.1:0", **settings)
            speech = Speech(
                book,
                max_text_chars=wyoming.max_text_chars,
                max_utterances=max_utterances,
                fallback_after_s=fallback_after_s,
            )
            server = WyomingServer(speech, wyoming)
            address = await server.start()
            stack.push_async_callback(server.stop)
            for voice in fakes:
                stack.callback(voice.open_gate)
            return Served(tts, speech, server, address.port, fakes)

        yield start
    errors = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= 40]
    assert not errors


# Commands


@pytest.fixture
def run(capfdbinary):
    """Run a command here; returns its status, its output in bytes and its complaints."""

    def run(*arguments):
        try:
            status = main(arguments)
        except SystemExit as end:  # argparse's way
            status = end.code
        out, err = capfdbinary.readouterr()
        return status, out, err.decode()

    return run


@pytest.fixture
def start():
    """Start a real process; it is gone after the test."""
    processes = []

    def start(*arguments, **options):
        process = subprocess.Popen(
            [sys.executable, "-m", "wyoming_hayakoe", *arguments],
            stdin=subprocess.PIPE,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with process:
            process.kill()


@pytest.fixture
def config(tmp_path):
    """Write a configuration file and return its path."""

    def config(content):
        path = tmp_path / "hayakoe.yaml"
        path.write_text(content, "utf-8")
        return str(path)

    return config


# Neural voices


@pytest.fixture(scope="session")
def models():
    """The modules that make neural voices with random weights."""
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    sys.path.insert(0, str(MODELS))
    try:
        import make_bert
        import make_voice
    finally:
        sys.path.remove(str(MODELS))
    return make_voice, make_bert


@pytest.fixture(scope="session")
def checkpoint(models, tmp_path_factory):
    """A small trained voice, called Mini, with its other files beside it."""
    make_voice, _ = models
    folder = tmp_path_factory.mktemp("training")
    network = make_voice.make_network(speakers=2)
    document = make_voice.config_document(network.config, name="Mini")
    (folder / "config.json").write_text(json.dumps(document), "utf-8")
    vectors = np.random.default_rng(0).normal(0, 0.3, (2, 256))
    np.save(folder / "style_vectors.npy", vectors.astype(np.float32))
    make_voice.save_checkpoint(network, folder / "mini.safetensors")
    return folder / "mini.safetensors"


@pytest.fixture(scope="session")
def published(request, model_folder):
    """A folder laid out as the published repository, with the voice in it as "mini"."""

    def make(root):
        make_voice, make_bert = request.getfixturevalue("models")
        checkpoint = request.getfixturevalue("checkpoint")
        make_bert.make_bert(root, width=make_voice.MINIATURE.bert_width, layers=3)
        assert main(["convert", str(checkpoint), str(root / "onnx/speakers/mini")]) == 0

    return model_folder("published", make)


@pytest.fixture(scope="session")
def installed(published, model_folder):
    """The cache in which the voice is installed, and what the command said about it."""

    def make(cache):
        settings = (f"--set=cache={cache}", f"--set=voices.mini.source={published}")
        with redirect_stdout(io.StringIO()) as output:
            assert main(["install", *settings]) == 0
        said = output.getvalue().replace(str(cache), "CACHE")
        (cache / "said.txt").write_text(said, "utf-8")

    cache = model_folder("installed", make)
    return cache, (cache / "said.txt").read_text("utf-8").replace("CACHE", str(cache))
