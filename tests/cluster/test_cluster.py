"""Voices on a Ray cluster of three nodes."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import struct
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from wyoming.audio import AudioChunk, AudioStart
from wyoming.client import AsyncUnixClient
from wyoming.tts import Synthesize

from hayakoe_engine import TTS
from hayakoe_engine.errors import BusyError, SourceNotFound, SourceUnreachable
from hayakoe_engine.options import SynthesisOptions
from hayakoe_engine.scheduler import Priority
from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
from hayakoe_engine.voices.voice import measure
from wyoming_hayakoe.cluster.connection import Cluster
from wyoming_hayakoe.cluster_settings import Pool
from wyoming_hayakoe.settings import NeuralVoice, load_settings

pytestmark = [
    pytest.mark.skipif(
        find_spec("ray") is None, reason="needs ray: pip install 'wyoming-hayakoe[cluster]'"
    ),
    pytest.mark.filterwarnings("default"),  # Ray's own are not ours to mend
]

HANG_S = 60.0
TEXT = "おはようございます。今日の天気は晴れです。洗濯が終わりました。"
LONG_SENTENCE = 3 * TEXT.replace("。", "、")


@pytest.fixture(scope="module")
def cluster(config):
    with Cluster(load_settings(config)) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def front(cluster, config):
    """The engine of a server whose voices are on the cluster."""
    with engine_of(cluster, load_settings(config)) as engine:
        yield engine


@contextmanager
def engine_of(cluster, settings, **arguments):
    with TTS(threads=24, phrase_cache_mb=0, **arguments) as engine:
        for name, voice in settings.voices.items():
            engine.load(name, source=cluster.origin(engine.phrases, name, voice))
        yield engine.prepare()


@pytest.fixture(scope="module")
def joined(ray_cluster):
    """This process is a part of the cluster, to look around there."""
    import ray

    ray.init(ray_cluster.address, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def local(repository, cache):
    """The same voices in this process."""
    with TTS(cache_dir=cache, precision="exact", threads=1) as engine:
        for name in ("hana", "taro"):
            engine.load(name, source=f"file://{repository}")
        yield engine.prepare()


async def spoken_by_all(engine, seeds, on_first=None):
    """One utterance for each seed, all at once."""

    async def speak(seed):
        parts = []
        async for audio in engine.speakers["hana"].astream(TEXT, seed=seed):
            parts.append(audio)
            if on_first is not None:
                await on_first()
        return np.concatenate([part.samples for part in parts])

    async with asyncio.timeout(HANG_S):
        return await asyncio.gather(*(speak(seed) for seed in seeds))


def test_a_voice_is_what_it_is_in_this_process(front, local):
    for name in ("hana", "taro"):
        assert front.speakers[name].info == local.speakers[name].info
        options = {"seed": 3, "speed": 1.2, "style": "Happy" if name == "hana" else None}
        here = local.speakers[name].generate(TEXT, **options)
        there = front.speakers[name].generate(TEXT, **options)
        np.testing.assert_array_equal(there.samples, here.samples)
        assert [timing.phone for timing in there.timings] == [t.phone for t in here.timings]
        starts = [timing.start_s for timing in here.timings]
        assert [timing.start_s for timing in there.timings] == pytest.approx(starts)


def test_it_measures_sentences_as_in_this_process(front, local):
    (reading, *_) = local.read(TEXT)
    here, there = (measured(engine, reading) for engine in (local, front))
    assert there == here
    assert len(here.moras) == len(reading.mora_phones)


def test_a_wrong_wish_is_told_as_in_this_process(front):
    with pytest.raises(Exception, match="Neutral, Happy"):
        front.speakers["hana"].generate(TEXT, style="Angry")


async def test_twenty_speak_at_once(front, local):
    seeds = range(20)
    spoken = await spoken_by_all(front, seeds)
    for seed in (0, 7, 19):
        here = local.speakers["hana"].generate(TEXT, seed=seed)
        np.testing.assert_array_equal(spoken[seed], here.samples)
    assert len({samples.tobytes() for samples in spoken}) == len(seeds)


@pytest.mark.usefixtures("front", "joined")
def test_another_server_shares_the_replicas(config, local):
    before = replicas()
    settings = load_settings(config)
    with Cluster(settings) as another, engine_of(another, settings) as engine:
        spoken = engine.speakers["taro"].generate(TEXT)
    np.testing.assert_array_equal(spoken.samples, local.speakers["taro"].generate(TEXT).samples)
    assert replicas() == before
    assert len(before) == 2


@pytest.mark.usefixtures("front")
def test_nothing_listens_beyond_this_machine(ray_cluster):
    listening = list(listening_addresses(ray_cluster))
    assert listening
    assert all(address.is_loopback for address in listening), listening


@pytest.mark.usefixtures("joined")
def test_too_much_at_once_is_refused_but_for_alarms(config, local):
    from ray import serve

    settings = with_small_pool(config)
    with Cluster(settings) as cluster, engine_of(cluster, settings) as engine:
        outcomes, alarm = asyncio.run(generated_at_once(engine.speakers["hana"], range(12)))
    serve.delete("hayakoe-small")
    refused = [isinstance(outcome, BusyError) for outcome in outcomes]
    assert any(refused)
    assert not all(refused)
    seed = refused.index(False)
    here = local.speakers["hana"].generate(TEXT, seed=seed)
    np.testing.assert_array_equal(outcomes[seed].samples, here.samples)
    np.testing.assert_array_equal(alarm, local.speakers["hana"].generate(TEXT, seed=99).samples)


@pytest.mark.usefixtures("joined")
def test_replicas_that_go_speak_to_the_end_before(config, local):
    from ray import serve

    settings = with_small_pool(config)
    with Cluster(settings) as cluster, engine_of(cluster, settings) as engine:
        stream = engine.speakers["hana"].stream(LONG_SENTENCE, seed=300)
        parts = [next(stream)]
        serve.delete("hayakoe-small", _blocking=False)
        parts += stream
    here = local.speakers["hana"].generate(LONG_SENTENCE, seed=300)
    np.testing.assert_array_equal(np.concatenate([part.samples for part in parts]), here.samples)


def test_a_voice_is_made_anew_on_every_replica(cluster, front, config, local):
    settings = load_settings(config)
    cluster.renew("hana", settings.voices["hana"], update=True)
    front.reload("hana", update=True)
    spoken = front.speakers["hana"].generate(TEXT)
    np.testing.assert_array_equal(spoken.samples, local.speakers["hana"].generate(TEXT).samples)


def test_what_was_made_ahead_needs_no_cluster(config, local, tmp_path):
    settings = load_settings(config)
    with (
        Cluster(settings) as cluster,
        engine_of(cluster, settings, phrase_store_mb=8, phrase_dir=tmp_path) as engine,
    ):
        made = engine.speakers["hana"].prerender(TEXT)
        assert made.kept == "disk"
        cluster.close()
        spoken = engine.speakers["hana"].generate(TEXT)
    here = local.speakers["hana"].generate(TEXT)
    assert made.audio_s == pytest.approx(here.duration_s)
    assert spoken.pcm_bytes() == here.pcm_bytes()


@pytest.mark.usefixtures("front")
async def test_the_server_speaks_by_the_replicas(config, local, tmp_path):
    path = tmp_path / "socket"
    arguments = ["serve", "--config", config, "--uri", f"unix://{path}", "--voice", "hana"]
    async with running(*arguments, "--set", "http.enabled=false") as server:
        async with asyncio.timeout(HANG_S):
            pcm = b""
            while not pcm:
                pcm = await said(path, TEXT)
            server.terminate()
            assert await server.wait() == 0
    assert pcm == local.speakers["hana"].generate(TEXT).pcm_bytes()


async def test_texts_are_rendered_by_the_cluster(config, local, tmp_path):
    texts = tmp_path / "texts.jsonl"
    items = [{"id": str(seed), "text": TEXT, "options": {"seed": seed}} for seed in range(20)]
    items.append({"text": "はい。", "options": {"speed": 100}})
    texts.write_text("".join(json.dumps(item) + "\n" for item in items))
    arguments = ["render", "--config", config, "--voice", "hana", texts, tmp_path / "out"]
    async with running(*arguments) as command, asyncio.timeout(HANG_S):
        assert await command.wait() == 1
    lines = (tmp_path / "out" / "report.jsonl").read_text().splitlines()
    report = [json.loads(line) for line in lines]
    assert [line.get("error") for line in report] == [None] * 20 + ["bad-option"]
    for seed in (0, 19):
        rendered = (tmp_path / "out" / report[seed]["file"]).read_bytes()
        assert rendered == local.speakers["hana"].generate(TEXT, seed=seed).to_bytes()


def test_a_sentence_goes_on_when_the_process_dies_that_talks_to_the_cluster(cluster, front, local):
    stream = front.speakers["hana"].stream(LONG_SENTENCE, seed=200)
    parts = [next(stream)]
    cluster._envoy._process.kill()
    parts += stream
    here = local.speakers["hana"].generate(LONG_SENTENCE, seed=200)
    np.testing.assert_array_equal(np.concatenate([part.samples for part in parts]), here.samples)


async def test_a_node_that_dies_silences_nobody(ray_cluster, front, local):
    begun = asyncio.Semaphore(0)
    seeds = range(100, 120)

    async def kill_when_some_have_begun():
        for _ in range(5):
            await begun.acquire()
        node = ray_cluster.worker_nodes.copy().pop()
        await asyncio.to_thread(ray_cluster.remove_node, node, allow_graceful=False)

    async def note():
        begun.release()

    killing = asyncio.create_task(kill_when_some_have_begun())
    spoken = await spoken_by_all(front, seeds, on_first=note)
    await killing
    for seed, samples in zip(seeds, spoken, strict=True):
        here = local.speakers["hana"].generate(TEXT, seed=seed)
        np.testing.assert_array_equal(samples, here.samples)


def test_a_cluster_that_is_not_there_is_tried_again_later(config):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        flags = {"cluster": {"address": f"127.0.0.1:{unused.getsockname()[1]}"}}
        settings = load_settings(config, flags)
        with (
            Cluster(settings) as cluster,
            pytest.raises(SourceUnreachable, match="cannot join the Ray cluster"),
        ):
            cluster.origin(PhraseCache(0), "hana", settings.voices["hana"])()


@pytest.mark.usefixtures("front")
def test_a_voice_that_is_nowhere_is_an_error(cluster, tmp_path):
    voice = NeuralVoice(source=f"file://{tmp_path}")
    with pytest.raises(SourceNotFound, match="hanako"):
        cluster.origin(PhraseCache(0), "hanako", voice)()


async def test_a_server_outlives_the_head(ray_cluster, config, local, tmp_path):
    """The last test: afterwards there is no cluster any more."""
    import ray

    ray.shutdown()  # else it would end this process, too
    path = tmp_path / "socket"
    arguments = ["serve", "--config", config, "--uri", f"unix://{path}", "--voice", "hana"]
    arguments += ["--set", "http.enabled=false", "--set", "fallback.enabled=true"]
    far = local.speakers["hana"].generate(TEXT).pcm_bytes()
    async with running(*arguments) as server, asyncio.timeout(2 * HANG_S):
        while await said(path, TEXT) != far:
            pass
        for node in [*ray_cluster.worker_nodes, ray_cluster.head_node]:
            await asyncio.to_thread(ray_cluster.remove_node, node, allow_graceful=False)
        other = f"{TEXT}もう一度言います。"
        assert await said(path, other)
        server.terminate()
        assert await server.wait() == 0


def with_small_pool(config):
    """Settings with a pool of one replica, which speaks one sentence at a time."""
    settings = load_settings(config)
    small = Pool(cpus=0.1, max_replicas=1, sentences=1, max_queued=1)
    cluster = settings.cluster.model_copy(update={"pools": {"small": small}})
    return settings.model_copy(update={"cluster": cluster})


async def generated_at_once(speaker, seeds):
    """What became of one text for each seed: audio, or an error; and what an alarm said."""

    async def alarm():
        with speaker.open(seed=99, priority=Priority.ALARM) as utterance:
            utterance.push(TEXT)
            utterance.finish()
            return np.concatenate([audio.samples async for audio in utterance])

    *outcomes, spoken = await asyncio.gather(
        *(speaker.agenerate(TEXT, seed=seed) for seed in seeds), alarm(), return_exceptions=True
    )
    return outcomes, spoken


def measured(engine, reading):
    options = SynthesisOptions(seed=5)
    work = measure(engine.speakers["hana"].voice, reading, options, np.random.default_rng(5))
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


@asynccontextmanager
async def running(*arguments):
    """A command in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "wyoming_hayakoe", *map(str, arguments)
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def said(path, text):
    """What a server says, as PCM; nothing if it is not there or the voice is not ready yet."""
    pcm = b""
    with suppress(OSError):
        async with AsyncUnixClient(path) as client:
            await client.write_event(Synthesize(text).event())
            while (event := await client.read_event()) is not None:
                if AudioChunk.is_type(event.type):
                    pcm += AudioChunk.from_event(event).audio
                elif not AudioStart.is_type(event.type):
                    break
            return pcm
    await asyncio.sleep(0.2)
    return pcm


def replicas():
    import ray.util

    actors = ray.util.list_named_actors(all_namespaces=True)
    return {actor["name"] for actor in actors if "SERVE_REPLICA" in actor["name"]}


def listening_addresses(ray_cluster):
    """Where processes of the cluster listen."""
    sockets = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if ray_cluster.address.encode() in (process / "cmdline").read_bytes():
                for descriptor in (process / "fd").iterdir():
                    with suppress(OSError):
                        sockets.add(descriptor.readlink().name)
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in sockets:
                digits = bytes.fromhex(local.partition(":")[0])
                words = struct.unpack(f"<{len(digits) // 4}I", digits)
                address = ipaddress.ip_address(struct.pack(f">{len(words)}I", *words))
                yield getattr(address, "ipv4_mapped", None) or address
