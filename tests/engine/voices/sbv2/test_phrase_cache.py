import threading

import numpy as np

from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
from hayakoe_engine.window import MadeWindow


def made(samples=25):
    return MadeWindow(np.zeros(samples, np.float32))  # 4 bytes each


def spoken(cache, key, *windows):
    recording = cache.record(key, len(windows))
    for number, window in enumerate(windows):
        recording.add(number, window)


def test_a_sentence_is_kept_when_its_last_window_is_made_whatever_the_order():
    cache = PhraseCache(10_000)
    recording = cache.record("a", 2)
    second, first = made(), made()
    assert recording.add(1, second) is second
    assert cache.get("a") is None
    recording.add(0, first)
    assert cache.get("a") == (first, second)


def test_what_is_kept_cannot_be_spoilt_by_a_listener():
    cache = PhraseCache(10_000)
    spoken(cache, "a", made())
    assert not cache.get("a")[0].samples.flags.writeable


def test_the_longest_unused_sentence_goes_first():
    cache = PhraseCache(400)
    for key in "abcd":
        spoken(cache, key, made())
    cache.get("a")
    spoken(cache, "e", made())
    assert [key for key in "abcde" if cache.get(key)] == ["a", "c", "d", "e"]


def test_a_sentence_that_would_push_everything_out_is_not_kept():
    cache = PhraseCache(400)
    spoken(cache, "a", made())
    spoken(cache, "long", made(26))
    assert cache.get("long") is None
    assert cache.get("a")


def test_a_sentence_spoken_twice_at_once_counts_once():
    cache = PhraseCache(400)
    for _ in range(10):
        spoken(cache, "a", made())
    for key in "bcd":
        spoken(cache, key, made())
    assert all(cache.get(key) for key in "abcd")


def test_many_threads_at_once():
    cache = PhraseCache(1000)

    def work(number):
        for turn in range(200):
            spoken(cache, (number, turn % 7), made(), made())
            cache.get((number, turn % 5))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [cache.get((number, turn)) for number in range(4) for turn in range(7)]
    assert 1 <= len([phrase for phrase in kept if phrase]) <= 5
