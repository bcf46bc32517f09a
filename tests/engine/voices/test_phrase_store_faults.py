"""Sentences on the disk: killed processes, damaged files, disks that are full or read-only."""

import errno
import json
import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from hayakoe_engine.audio import PhoneTiming, float_to_pcm16
from hayakoe_engine.voices.phrase_store import PhraseStore
from hayakoe_engine.window import MadeWindow

MB = 1 << 20
NUMBERS = range(12)
KILLS = 12
DAMAGES = 60


def key_of(number):
    return number.to_bytes(32, "big")


def phrase_of(number):
    samples = np.random.default_rng(number).uniform(-1, 1, 3000).astype(np.float32)
    return (MadeWindow(samples, (PhoneTiming("a", 0.0, 0.1),)),)


def is_phrase(found, number):
    (window,), (wanted,) = found, phrase_of(number)
    same = np.array_equal(float_to_pcm16(window.samples), float_to_pcm16(wanted.samples))
    return same and window.timings == wanted.timings


def fill(store, numbers=NUMBERS):
    for number in numbers:
        store.put(key_of(number), phrase_of(number))
        store.flush()


def kept(store, numbers=NUMBERS):
    """The numbers whose sentences are there; every one that is must be right."""
    found = {number: store.get(key_of(number)) for number in numbers}
    right = [number for number, phrase in found.items() if phrase is not None]
    assert all(is_phrase(found[number], number) for number in right)
    return right


def works(store):
    """Whether it keeps what is put into it now."""
    store.flush()
    fill(store, [1000])
    return kept(store, [1000]) == [1000]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "phrases"


@pytest.fixture
def open_store(folder):
    stores = []

    def open_store(folder=folder):
        stores.append(PhraseStore(folder, 16 * MB))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def filled(open_store, folder):
    """The file of a database with a dozen of sentences."""
    store = open_store()
    fill(store)
    store.close()
    return folder / "phrases-1.db"


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# Killed


CHILD = """
import importlib.util, itertools, json, resource, signal, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("faults", sys.argv[1])
faults = importlib.util.module_from_spec(spec)
spec.loader.exec_module(faults)
if len(sys.argv) > 3:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = faults.PhraseStore(Path(sys.argv[2]), 2 * faults.MB)
print("begin", flush=True)
for number in range(60) if len(sys.argv) > 3 else itertools.count():
    faults.fill(store, [number % 100])
print(json.dumps([faults.kept(store, range(60)), store.state]))
store.close()
"""


def child(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, __file__, str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_whenever_a_process_is_killed_the_next_one_finds_a_sound_database(
    open_store, folder, caplog
):
    chance = random.Random(7)
    most = 0
    for _ in range(KILLS):
        with child(folder) as process:
            assert process.stdout.readline() == "begin\n", process.stderr.read()
            time.sleep(chance.uniform(0.0, 0.08))
            process.kill()
        assert process.returncode == -signal.SIGKILL
        store = open_store()
        most = max(most, len(kept(store, range(100))))
        assert works(store)
        store.close()
        with sqlite3.connect(folder / "phrases-1.db") as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()
    assert most > 5
    assert not warnings(caplog)


# Damaged


KNOWN = ("the sentences kept in ", "a sentence kept in ")


@pytest.fixture
def interrupted(open_store, filled, folder):
    """What is on the disk in the midst of keeping sentences: a database and its log."""
    store = open_store()
    fill(store, range(8, 20))
    files = {name: (folder / name).read_bytes() for name in (filled.name, f"{filled.name}-wal")}
    store.close()
    return files


def damaged(content, chance, turn):
    """Some bits flipped: half of the time among the tables, which come first, or else anywhere."""
    content = bytearray(content)
    for _ in range(1 + turn % 3):
        place = chance.randrange(4 * 4096 if turn % 2 else len(content))
        content[place] ^= 1 << chance.randrange(8)
    return content


def test_a_bit_flipped_anywhere_never_gives_a_wrong_sentence(
    open_store, interrupted, folder, caplog
):
    chance = random.Random(11)
    for turn in range(DAMAGES):
        shutil.rmtree(folder)
        folder.mkdir()
        for name, content in interrupted.items():
            (folder / name).write_bytes(damaged(content, chance, turn))
        caplog.clear()
        store = open_store()
        kept(store)
        fill(store)
        assert works(store)
        store.close()
        again = open_store()
        assert kept(again, [1000]) == [1000]
        again.close()
        assert not [line for line in warnings(caplog) if not line.startswith(KNOWN)]


def test_one_damaged_sentence_is_dropped_and_made_anew(open_store, filled, caplog):
    content = filled.read_bytes()
    pcm = float_to_pcm16(phrase_of(5)[0].samples).tobytes()[-3000:-2900]
    assert content.count(pcm) == 1
    filled.write_bytes(content.replace(pcm, bytes(100)))
    store = open_store()
    assert kept(store) == [number for number in NUMBERS if number != 5]
    store.flush()
    assert len(warnings(caplog)) == 1
    assert "a sentence kept in" in warnings(caplog)[0]
    fill(store, [5])
    assert kept(store) == list(NUMBERS)


def overwrite_schema(file):
    content = file.read_bytes()
    file.write_bytes(content[:100] + bytes(2000) + content[2100:])


def change_format(file):
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def rename_table(file):
    with sqlite3.connect(file) as database:
        database.execute("ALTER TABLE sounds RENAME TO noises")
    database.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b"This is no database. " * 1000),
        lambda file: file.write_bytes(file.read_bytes()[:10_000]),
        overwrite_schema,
        change_format,
        rename_table,
    ],
)
def test_a_damaged_database_is_set_aside_with_one_line(open_store, filled, folder, caplog, damage):
    damage(filled)
    content = filled.read_bytes()
    store = open_store()
    assert kept(store) == []
    store.flush()
    fill(store)
    assert kept(store) == list(NUMBERS)
    (line,) = warnings(caplog)
    assert f"the sentences kept in {folder} were damaged" in line
    assert filled.read_bytes() == content
    assert store.state == "on"
    store.close()
    later = open_store()
    assert kept(later) == list(NUMBERS)
    assert not filled.exists(), "until the next start"
    assert len(warnings(caplog)) == 1


def test_an_empty_file_is_a_new_database(open_store, filled, caplog):
    filled.write_bytes(b"")
    store = open_store()
    fill(store)
    assert kept(store) == list(NUMBERS)
    assert not warnings(caplog)


def test_the_other_process_goes_over_to_the_new_database(open_store, filled):
    other = open_store()
    assert kept(other) == list(NUMBERS)
    with sqlite3.connect(filled) as database:
        database.execute("DROP TABLE sounds")
    database.close()
    store = open_store()
    kept(store)
    store.flush()
    fill(store, [100])
    fill(other, [200])
    assert kept(store, [100, 200]) == [100, 200]
    assert kept(other, [100, 200]) == [100, 200]
    other.close()
    store.close()
    assert kept(open_store(), [100, 200]) == [100, 200]


def test_a_folder_that_is_deleted_while_it_is_used_is_made_again(open_store, filled, folder):
    store = open_store()
    assert kept(store) == list(NUMBERS)
    fill(store, [100])
    shutil.rmtree(folder)
    assert works(store)
    assert filled.exists()


# Full, read-only


def test_on_a_full_disk_what_is_kept_is_kept_and_one_line_says_so(folder):
    with child(folder, str(300_000)) as process:
        out, err = process.communicate()
    begin, result = out.splitlines()
    numbers, state = json.loads(result)
    assert begin == "begin"
    assert numbers == list(range(len(numbers)))
    assert 10 < len(numbers) < 60
    assert state == "failed"
    (line,) = err.splitlines()
    assert line.startswith(f"sentences are not kept in {folder} for the next time: ")


@pytest.mark.parametrize("below", ["file/phrases", "file"])
def test_where_there_can_be_no_folder_there_is_no_store(open_store, tmp_path, caplog, below):
    (tmp_path / "file").write_text("no folder")
    store = open_store(tmp_path / below)
    fill(store)
    assert kept(store) == []
    store.open()
    assert store.state == "failed"
    assert store.contents.phrases == 0
    (line,) = warnings(caplog)
    assert str(tmp_path / below) in line


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EMFILE, errno.ENOSPC])
def test_what_cannot_be_opened_is_done_without(open_store, filled, caplog, monkeypatch, number):
    def refuse(path, *_args, **_kwargs):
        raise OSError(number, os.strerror(number), path)

    store = open_store()
    with monkeypatch.context() as patch:
        patch.setattr("hayakoe_engine.voices.phrase_database.os.open", refuse)
        assert kept(store) == []
        fill(store)
    (line,) = warnings(caplog)
    assert os.strerror(number) in line
    store.close()
    assert kept(open_store()) == list(NUMBERS)
    assert filled.exists()
