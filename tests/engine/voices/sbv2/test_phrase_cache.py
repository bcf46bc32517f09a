import threading
from dataclasses import replace

import numpy as np
import pytest

from hayakoe_engine import SynthesisOptions, VoiceInfo
from hayakoe_engine.text.delivery import Delivery, MoraDelivery
from hayakoe_engine.text.reading import Reading
from hayakoe_engine.voices.phrase_store import PhraseStore
from hayakoe_engine.voices.sbv2 import phrase_cache
from hayakoe_engine.voices.sbv2.phones import PhoneSequence
from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache, PhraseCacheFigures
from hayakoe_engine.window import MadeWindow

A, B, C, D, E = b"a", b"b", b"c", b"d", b"e"


def made(samples=25):
    return MadeWindow(np.zeros(samples, np.float32))  # 4 bytes each


def spoken(cache, key, *windows, remember="yes"):
    recording = cache.record(key, len(windows), remember)
    for number, window in enumerate(windows):
        recording.add(number, window)


def kept(cache, *keys):
    return [key for key in keys if cache.get(key)]


# In memory


def test_a_sentence_is_kept_when_its_last_window_is_made_whatever_the_order():
    cache = PhraseCache(10_000)
    recording = cache.record(A, 2)
    second, first = made(), made()
    assert recording.add(1, second) is second
    assert cache.get(A) is None
    recording.add(0, first)
    assert cache.get(A) == (first, second)


def test_what_is_kept_cannot_be_spoilt_by_a_listener():
    cache = PhraseCache(10_000)
    spoken(cache, A, made())
    assert not cache.get(A)[0].samples.flags.writeable


def test_the_longest_unused_sentence_goes_first():
    cache = PhraseCache(400)
    for key in (A, B, C, D):
        spoken(cache, key, made())
    cache.get(A)
    spoken(cache, E, made())
    assert kept(cache, A, B, C, D, E) == [A, C, D, E]


def test_a_sentence_that_would_push_everything_out_is_not_kept():
    cache = PhraseCache(400)
    spoken(cache, A, made())
    spoken(cache, B, made(26))
    assert kept(cache, A, B) == [A]


def test_a_sentence_spoken_twice_at_once_counts_once():
    cache = PhraseCache(400)
    for _ in range(10):
        spoken(cache, A, made())
    for key in (B, C, D):
        spoken(cache, key, made())
    assert kept(cache, A, B, C, D) == [A, B, C, D]
    assert cache.figures.memory_bytes == 400


def test_what_is_not_to_be_remembered_is_neither_kept_nor_found():
    cache = PhraseCache(400)
    spoken(cache, A, made(), remember="no")
    spoken(cache, B, made())
    assert kept(cache, A, B) == [B]
    assert cache.get(B, "no") is None


def test_what_was_made_ahead_stays_until_it_was_spoken():
    cache = PhraseCache(400)
    spoken(cache, A, made(), remember="until-spoken")
    for key in (B, C, D, E, b"f", b"g"):
        spoken(cache, key, made())
    assert kept(cache, A) == [A]
    for key in (B, C, D, E):
        spoken(cache, key, made())
    assert kept(cache, A) == []


def test_what_is_made_ahead_again_is_only_kept_again():
    cache = PhraseCache(400)
    spoken(cache, A, made())
    assert cache.get(A, "until-spoken")
    for key in (B, C, D, E):
        spoken(cache, key, made())
    assert kept(cache, A) == [A]


def test_what_was_made_ahead_takes_at_most_half_of_the_place():
    cache = PhraseCache(400)
    for key in (A, B, C):
        spoken(cache, key, made(), remember="until-spoken")
    for key in (D, E):
        spoken(cache, key, made())
    assert [key for key in (A, B, C, D, E) if cache.get(key, "until-spoken")] == [B, C, D, E]


def test_many_threads_at_once():
    cache = PhraseCache(1000)

    def work(number):
        for turn in range(200):
            spoken(cache, bytes([number, turn % 7]), made(), made())
            cache.get(bytes([number, turn % 5]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = [bytes([number, turn]) for number in range(4) for turn in range(7)]
    assert 1 <= len(kept(cache, *keys)) <= 5


# On the disk


@pytest.fixture
def open_cache(tmp_path):
    caches = []

    def open_cache(max_bytes=100_000):
        caches.append(PhraseCache(max_bytes, PhraseStore(tmp_path / "phrases", 16 << 20)))
        return caches[-1]

    yield open_cache
    for cache in caches:
        cache.close()


def key_of(number):
    return bytes([number]) * 32


def test_what_the_memory_has_no_place_for_comes_from_the_disk(open_cache):
    cache = open_cache(400)
    for number in range(10):
        spoken(cache, key_of(number), made())
    cache.flush()
    assert kept(cache, *map(key_of, range(10))) == [key_of(number) for number in range(10)]
    figures = cache.figures
    assert (figures.memory_hits, figures.disk_hits, figures.misses) == (0, 10, 0)
    assert kept(cache, key_of(9), key_of(77)) == [key_of(9)]
    figures = cache.figures
    assert (figures.memory_hits, figures.disk_hits, figures.misses) == (1, 10, 1)
    assert (figures.memory_phrases, figures.memory_bytes) == (4, 400)
    assert figures.disk_phrases == 10
    assert figures.disk_bytes > 10 * 50
    assert figures.disk == "on"


def test_making_ahead_counts_neither_as_a_hit_nor_as_a_miss(open_cache):
    cache = open_cache()
    assert cache.get(A * 32, "until-spoken") is None
    assert cache.get(A * 32, "no") is None
    assert cache.figures == PhraseCacheFigures(disk="on")


def test_a_sentence_that_was_broken_off_is_not_kept(open_cache):
    cache = open_cache()
    cache.record(A * 32, 3).add(0, made())
    cache.close()
    assert open_cache().get(A * 32) is None


def test_without_a_disk_it_is_said_so():
    cache = PhraseCache()
    cache.flush()
    cache.close()
    assert cache.figures.disk == "off"
    assert cache.place == "memory"
    assert PhraseCache(0).place == "nowhere"


def test_where_things_are_kept(open_cache, tmp_path):
    cache = open_cache()
    assert cache.place == "disk"
    (tmp_path / "phrases").write_text("no folder")
    cache.get(A * 32)
    assert cache.place == "memory"
    assert cache.figures.disk == "failed"


# The key


PHONES = PhoneSequence(("_", "a", "_"), (0, 1, 0), (1, 1, 1), "あ", (-1, 0, -1))
READING = Reading("あ", (), (), ())
OPTIONS = SynthesisOptions(style="Happy")
INFO = VoiceInfo(
    name="hana",
    title="花",
    sample_rate_hz=44100,
    licence="",
    credit="",
    url="",
    version="1",
    styles=("Happy", "Sad"),
)


def phrase_key(identity, phones, reading, options, info=INFO):
    return phrase_cache.phrase_key(identity, info, phones, reading, options)


def test_the_same_sound_has_the_same_key():
    key = phrase_key("hana", PHONES, READING, OPTIONS)
    assert len(key) == 32
    again = replace(PHONES)
    for same in (
        phrase_key("hana", again, replace(READING, text="ア"), OPTIONS),
        phrase_key("hana", PHONES, READING, OPTIONS.changed(speed=1, remember="no")),
        phrase_key("hana", PHONES, READING, OPTIONS.changed(remember="until-spoken")),
        phrase_key("hana", PHONES, READING, OPTIONS.changed(style=None)),
    ):
        assert same == key


def test_what_the_voice_cannot_do_does_not_count():
    info = replace(INFO, ignored_options=frozenset({"pitch_scale"}))
    keys = {
        phrase_key("hana", PHONES, READING, OPTIONS.changed(pitch_scale=scale), info)
        for scale in (0.9, 1.0, 1.1)
    }
    assert len(keys) == 1


def test_whatever_changes_the_sound_changes_the_key():
    delivery = Delivery((MoraDelivery(0.1),))
    keys = {
        phrase_key("hana", PHONES, READING, OPTIONS),
        phrase_key("taro", PHONES, READING, OPTIONS),
        phrase_key("hana", replace(PHONES, text="亜"), READING, OPTIONS),
        phrase_key("hana", replace(PHONES, tones=(0, 0, 0)), READING, OPTIONS),
        phrase_key("hana", replace(PHONES, phones=("_", "i", "_")), READING, OPTIONS),
        phrase_key("hana", PHONES, replace(READING, end_pause_s=0), OPTIONS),
        phrase_key("hana", PHONES, replace(READING, end_pause_s=0.1), OPTIONS),
        phrase_key("hana", PHONES, replace(READING, delivery=delivery), OPTIONS),
        *(
            phrase_key("hana", PHONES, READING, OPTIONS.changed(**change))
            for change in (
                {"style": "Sad"},
                {"speed": 1.1},
                {"pitch_scale": 1.1},
                {"intonation_scale": 1.1},
                {"volume": 1.1},
                {"pause_scale": 1.1},
                {"style_weight": 1.1},
                {"sdp_ratio": 0.3},
                {"noise": 0.3},
                {"noise_w": 0.3},
                {"speaker_id": 1},
                {"seed": 1},
            )
        ),
    }
    assert len(keys) == 20
