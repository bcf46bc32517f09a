import random
import threading

from hayakoe_engine.lru import LruCache


def cache(max_bytes):
    return LruCache(max_bytes, len)


def test_the_least_recently_used_goes_first():
    kept = cache(6)
    for key in "abc":
        kept.put(key, key * 2)
    assert kept.get("a") == "aa"
    kept.put("d", "dd")
    assert [kept.get(key) for key in "abcd"] == ["aa", None, "cc", "dd"]
    assert kept.size_bytes == 6


def test_what_is_put_again_is_counted_once():
    kept = cache(6)
    kept.put("a", "aa")
    kept.put("a", "aaaa")
    assert kept.get("a") == "aaaa"
    assert kept.size_bytes == 4
    kept.put("b", "bb")
    assert kept.get("a") == "aaaa"


def test_what_is_too_large_is_not_kept_and_drives_nothing_out():
    kept = cache(4)
    kept.put("a", "aa")
    kept.put("b", "bbbbb")
    assert kept.get("a") == "aa"
    assert kept.get("b") is None
    kept.put("a", "aaaaa")
    assert kept.get("a") is None
    assert kept.size_bytes == 0


def test_the_bound_holds_in_many_threads():
    kept = cache(100)

    def use(seed):
        rng = random.Random(seed)
        for _ in range(500):
            key = rng.randrange(20)
            kept.put(key, "x" * rng.randrange(30))
            kept.get(rng.randrange(20))

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < kept.size_bytes <= 100
    assert kept.size_bytes == sum(len(kept.get(key) or "") for key in range(20))
