"""Sentences on the disk: what comes back, what is forgotten, and who may use them."""

import logging
import sqlite3
import subprocess
import sys
import threading

import numpy as np
import pytest

from hayakoe_engine.audio import PhoneTiming, float_to_pcm16
from hayakoe_engine.voices.phrase_content import decode_phrase, encode_phrase
from hayakoe_engine.voices.phrase_store import PhraseStore
from hayakoe_engine.window import MadeWindow

MB = 1 << 20
SAMPLES = 20_000


def key_of(number):
    return number.to_bytes(32, "big")


def phrase_of(number, samples=SAMPLES):
    """Two windows that no other number has."""
    rng = np.random.default_rng(number)
    windows = rng.uniform(-1, 1, samples).astype(np.float32)
    first, second = np.split(windows, [samples // 3])
    return (
        MadeWindow(first, (PhoneTiming("k", 0.0, 0.05), PhoneTiming("a", 0.05, 0.1))),
        MadeWindow(second, (PhoneTiming(".", 0.01 * number, 1 / 3),)),
    )


def is_phrase(found, number, samples=SAMPLES):
    wanted = phrase_of(number, samples)
    return (
        len(found) == len(wanted)
        and all(
            np.array_equal(float_to_pcm16(a.samples), float_to_pcm16(b.samples))
            for a, b in zip(found, wanted, strict=True)
        )
        and [window.timings for window in found] == [window.timings for window in wanted]
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "phrases"


@pytest.fixture
def open_store(folder):
    stores = []

    def open_store(max_bytes=64 * MB, folder=folder):
        stores.append(PhraseStore(folder, max_bytes))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


def fill(store, numbers, **kwargs):
    for number in numbers:
        store.put(key_of(number), phrase_of(number), **kwargs)
        store.flush()


def kept(store, numbers):
    return [number for number in numbers if store.get(key_of(number)) is not None]


def size_bytes(folder):
    return sum(file.stat().st_size for file in folder.iterdir())


# What comes back


def test_every_16_bit_sample_comes_back_as_it_was():
    pcm = np.arange(-32768, 32768, dtype=np.int32)
    phrase = (MadeWindow((pcm / 32767).astype(np.float32)),)
    (found,) = decode_phrase(encode_phrase(phrase))
    assert np.array_equal(float_to_pcm16(found.samples), pcm)


def test_samples_beyond_full_scale_come_back_clipped_as_they_were_heard():
    (found,) = decode_phrase(encode_phrase((MadeWindow(np.float32([1.5, -1.5])),)))
    assert float_to_pcm16(found.samples).tolist() == [32767, -32768]


def test_a_sentence_comes_back_window_by_window_with_its_timings(open_store):
    store = open_store()
    assert store.get(key_of(1)) is None
    fill(store, [1, 2])
    found = store.get(key_of(1))
    assert is_phrase(found, 1)
    assert not any(window.samples.flags.writeable for window in found)


def test_a_sentence_outlives_the_process(open_store):
    first = open_store()
    first.put(key_of(1), phrase_of(1))
    first.close()
    assert is_phrase(open_store().get(key_of(1)), 1)


def test_an_empty_window_is_no_trouble(open_store):
    store = open_store()
    store.put(key_of(1), (MadeWindow(np.zeros(0, np.float32)),))
    store.flush()
    (window,) = store.get(key_of(1))
    assert len(window.samples) == 0


def test_only_this_user_can_read_it_and_nothing_of_the_text_can_be_read(open_store, folder):
    store = open_store()
    fill(store, [1])
    files = [file for file in folder.iterdir() if file.name != ".lock"]
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    store.close()
    content = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b'"k"' not in content


# What is forgotten


def test_what_lies_on_the_disk_stays_within_its_bound(open_store, folder):
    store = open_store(2 * MB)
    for number in range(120):
        store.put(key_of(number), phrase_of(number, 5000 + 500 * (number % 40)))
        store.flush()
        assert size_bytes(folder) <= 2 * MB
    numbers = kept(store, range(120))
    assert numbers[-1] == 119
    assert len(numbers) > 10
    assert store.contents.phrases == len(numbers)
    assert 0.3 * MB < store.contents.bytes < 2 * MB
    assert store.state == "on"


def test_the_longest_unused_goes_first(open_store):
    store = open_store(2 * MB)
    fill(store, range(20))
    for start in range(100, 200, 10):
        store.use(key_of(0))
        fill(store, range(start, start + 10))
    assert kept(store, range(20))[:1] == [0]
    assert 1 not in kept(store, range(20))


def test_a_smaller_bound_takes_effect_at_the_next_start(open_store, folder):
    store = open_store(8 * MB)
    fill(store, range(100))
    store.close()
    assert size_bytes(folder) > 3 * MB
    small = open_store(1 * MB)
    small.open()
    small.close()
    assert size_bytes(folder) <= 1 * MB
    numbers = kept(open_store(1 * MB), range(100))
    assert numbers
    assert numbers == list(range(numbers[0], 100))


def test_a_sentence_that_would_push_out_too_much_is_not_kept(open_store):
    store = open_store(2 * MB)
    fill(store, [1])
    store.put(key_of(2), phrase_of(2, 200_000))
    store.flush()
    assert kept(store, [1, 2]) == [1]
    assert store.state == "on"


def test_what_is_pinned_stays_until_it_was_used(open_store):
    store = open_store(2 * MB)
    fill(store, [0, 1], pinned=True)
    fill(store, range(100, 200))
    assert kept(store, [0, 1]) == [0, 1]
    store.use(key_of(0))
    fill(store, range(200, 300))
    assert kept(store, [0, 1]) == [1]


def test_what_is_there_already_can_be_pinned(open_store):
    store = open_store(2 * MB)
    fill(store, [0])
    fill(store, [0], pinned=True)
    fill(store, range(100, 200))
    assert kept(store, [0]) == [0]


def test_what_is_pinned_takes_at_most_half_of_the_place(open_store):
    store = open_store(2 * MB)
    fill(store, range(60), pinned=True)
    fill(store, range(100, 160))
    pinned = kept(store, range(60))
    assert pinned == list(range(60 - len(pinned), 60))
    assert 10 < len(pinned) < len(kept(store, range(100, 160))) + 5


# Who may use them


def test_two_stores_of_one_folder_find_what_the_other_has_kept(open_store):
    one, other = open_store(), open_store()
    one.open()
    other.open()
    fill(one, [1])
    fill(other, [2])
    assert kept(one, [1, 2]) == kept(other, [1, 2]) == [1, 2]


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_phrase_store import key_of, phrase_of, PhraseStore, MB
store = PhraseStore(Path(sys.argv[2]), 4 * MB)
for number in range(int(sys.argv[3]), int(sys.argv[4])):
    store.put(key_of(number), phrase_of(number))
    store.flush()
    print(number, flush=True)
store.close()
"""


@pytest.fixture
def start_writer(folder):
    """A process that keeps the sentences of these numbers."""
    processes = []

    def start_writer(start, stop):
        here = str(__file__).rpartition("/")[0]
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, here, str(folder), str(start), str(stop)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start_writer
    for process in processes:
        with process:
            process.kill()


def test_processes_keep_sentences_at_the_same_time(open_store, start_writer, folder):
    writers = [start_writer(start, start + 60) for start in (0, 100)]
    store = open_store(4 * MB)
    fill(store, range(200, 260))
    assert [writer.communicate()[1] for writer in writers] == ["", ""]
    numbers = kept(store, range(300))
    assert len(numbers) > 40
    assert all(is_phrase(store.get(key_of(number)), number) for number in numbers)
    assert size_bytes(folder) <= 4 * MB


def test_many_threads_at_once(open_store):
    store = open_store()
    wrong = []

    def work(own):
        for turn in range(30):
            number = own + turn % 10
            store.put(key_of(number), phrase_of(number, 1000))
            found = store.get(key_of(number + 1))
            if found is not None and not is_phrase(found, number + 1, 1000):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(own * 8,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nobody_waits_for_another_process_that_keeps_the_file(open_store, folder, caplog):
    store = open_store()
    fill(store, [1])
    with sqlite3.connect(next(folder.glob("*.db")), isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert is_phrase(store.get(key_of(1)), 1)
        store.put(key_of(2), phrase_of(2))
        other.execute("ROLLBACK")
    other.close()
    store.flush()
    assert kept(store, [1, 2]) == [1, 2]
    assert not caplog.records


def test_when_it_is_closed_it_keeps_and_finds_nothing(open_store):
    store = open_store()
    fill(store, [1])
    store.close()
    store.close()
    store.put(key_of(2), phrase_of(2))
    store.flush()
    assert kept(store, [1, 2]) == []
    assert kept(open_store(), [1, 2]) == [1]


def test_a_burst_of_sentences_does_not_pile_up(open_store, monkeypatch, caplog):
    caplog.set_level(logging.WARNING)
    store = open_store()
    fill(store, [0])
    gate = threading.Event()
    monkeypatch.setattr(store, "_write", lambda _write: gate.wait(10))
    for number in range(1000):
        store.put(key_of(number), phrase_of(number, 10))
    assert store._waiting < 50
    gate.set()
    store.flush()
    assert not caplog.records
