"""Whenever a process is killed, the next one ends with everything, and with nothing wrong."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hayakoe_engine.sources.cache import DownloadCache

SERVERS = Path(__file__).parents[2] / "servers"
PREFIX = "onnx/speakers/hana"
URI = "hf://me/voices@main"

KILLS = 100
MAX_FILE_STEPS = 200
KILLED = -signal.SIGKILL


class Fetcher:
    """A process whose children fetch the voice; a context manager."""

    def __init__(self, hub, cache):
        self._process = subprocess.Popen(
            [sys.executable, SERVERS / "forking_fetcher.py", hub.url, cache, URI, PREFIX],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.communicate()

    def start(self, steps=""):
        """Begin to fetch; returns the child's id."""
        print(steps, file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def end(self):
        """How the child has ended."""
        return int(self._process.stdout.readline())

    def run(self, steps=""):
        self.start(steps)
        return self.end()


@pytest.fixture
def small(hub):
    """The voice is smaller, because it is fetched very often."""
    content = random.Random(5).randbytes(150_000)
    hub.commit("me/voices", {f"{PREFIX}/synthesizer.onnx": content})
    return content


@pytest.fixture
def is_whole(access, small, hana, content_below):
    """Whether all files are there, known to be, and right."""

    def check():
        cache = DownloadCache(access.cache)
        folder = cache.find(URI, PREFIX)
        return (
            folder is not None
            and cache.verify() == ()
            and content_below(cache.path_of(folder)) == hana | {"synthesizer.onnx": small}
        )

    return check


def test_a_fetch_may_be_killed_at_any_moment(hub, access, is_whole):
    moments = random.Random(0)
    killed = 0
    with Fetcher(hub, access.cache) as fetcher:
        assert fetcher.run() == 0
        hub.bytes_per_s = 4_000_000
        shutil.rmtree(access.cache)
        begun = time.perf_counter()
        assert fetcher.run() == 0
        whole_s = time.perf_counter() - begun
        while killed < KILLS:
            shutil.rmtree(access.cache, ignore_errors=True)
            child = fetcher.start()
            time.sleep(moments.uniform(0, whole_s))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            killed += fetcher.end() == KILLED
            assert fetcher.run() == 0
            assert is_whole()


def test_a_fetch_may_be_killed_between_any_two_things_it_does_to_files(hub, access, is_whole):
    with Fetcher(hub, access.cache) as fetcher:
        for steps in range(MAX_FILE_STEPS):
            shutil.rmtree(access.cache, ignore_errors=True)
            end = fetcher.run(steps)
            is_known = DownloadCache(access.cache).find(URI, PREFIX) is not None
            assert not is_known or is_whole()
            if end == 0:
                break
            assert end == KILLED
            assert fetcher.run() == 0
            assert is_whole()
        assert 20 < steps < MAX_FILE_STEPS - 1


def test_killed_over_and_over_a_fetch_still_comes_to_its_end(hub, access, is_whole):
    """Each time a little more has arrived, and none of that is asked for again."""
    hub.bytes_per_s = 1_000_000
    with Fetcher(hub, access.cache) as fetcher:
        for sent_bytes in range(25_000, 125_001, 25_000):
            child = fetcher.start()
            while hub.sent_bytes < sent_bytes:
                time.sleep(0.001)
            os.kill(child, signal.SIGKILL)
            assert fetcher.end() == KILLED
        assert fetcher.run() == 0
    assert is_whole()
    starts = [one.first_byte for one in hub.requests if one.path.startswith("/storage/")]
    assert len(starts) == 6
    assert starts == sorted(starts)
    assert starts[-1] > 50_000


def test_two_processes_that_want_the_same_download_it_once(hub, access, is_whole, hana):
    hub.bytes_per_s = 1_000_000
    with Fetcher(hub, access.cache) as one, Fetcher(hub, access.cache) as other:
        one.start()
        other.start()
        assert (one.end(), other.end()) == (0, 0)
    assert is_whole()
    asked = sorted(hub.files_sent())
    assert asked == sorted(f"{PREFIX}/{path}" for path, content in hana.items() if content)


def test_when_the_one_that_downloads_is_killed_the_one_that_waits_goes_on(hub, access, is_whole):
    hub.bytes_per_s = 300_000
    with Fetcher(hub, access.cache) as one, Fetcher(hub, access.cache) as other:
        first = one.start()
        while not hub.files_sent():
            time.sleep(0.01)
        other.start()
        time.sleep(0.1)
        os.kill(first, signal.SIGKILL)
        assert one.end() == KILLED
        assert other.end() == 0
    assert is_whole()
