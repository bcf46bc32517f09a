from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from hayakoe_engine.voices.sbv2 import bert
from hayakoe_engine.voices.sbv2.bert import Bert

WIDTH = 4
TOKEN_BYTES = WIDTH * 4


class Session:
    """Features of a token are its number, and how many tokens there were in that run."""

    def __init__(self):
        self.lengths = []

    def run(self, names, feeds):
        assert names is None
        ids = feeds["ids"]
        assert ids.dtype == np.int64
        self.lengths.append(len(ids))
        return [np.stack([ids, np.full_like(ids, len(ids))] * 2, 1).astype(np.float32)]


@pytest.fixture
def session():
    return Session()


def test_every_token_has_its_features(session):
    features = Bert(session).features([1, 7, 9, 2])
    assert features.dtype == np.float32
    assert features.tolist() == [[number, 4, number, 4] for number in (1, 7, 9, 2)]


def test_numbers_may_be_a_list_or_an_array(session):
    model = Bert(session)
    assert np.array_equal(model.features([1, 2]), model.features(np.array([1, 2])))
    assert session.lengths == [2]


def test_a_repeated_sentence_is_not_read_again(session):
    model = Bert(session)
    first = model.features([1, 7, 2])
    model.features([1, 8, 2])
    assert model.features([1, 7, 2]) is first
    assert session.lengths == [3, 3]


def test_features_cannot_be_changed(session):
    with pytest.raises(ValueError, match="read-only"):
        Bert(session).features([1, 2])[0, 0] = 5


def test_the_longest_unused_sentence_is_forgotten_first(session):
    model = Bert(session, cache_bytes=6 * TOKEN_BYTES)
    for ids in ([1, 5], [1, 6], [1, 7], [1, 5], [1, 8]):
        model.features(ids)
    del session.lengths[:]
    for ids in ([1, 5], [1, 7], [1, 8]):
        model.features(ids)
    assert not session.lengths
    model.features([1, 6])
    assert session.lengths == [2]


def test_a_sentence_larger_than_the_cache_does_not_empty_it(session):
    model = Bert(session, cache_bytes=4 * TOKEN_BYTES)
    model.features([1, 2])
    model.features([1, 5, 5, 5, 2])
    model.features([1, 2])
    assert session.lengths == [2, 5]


def test_a_cache_of_no_bytes_keeps_nothing(session):
    model = Bert(session, cache_bytes=0)
    assert np.array_equal(model.features([1, 2]), model.features([1, 2]))
    assert session.lengths == [2, 2]


def test_a_long_text_is_read_piece_by_piece(session, monkeypatch):
    monkeypatch.setattr(bert, "MAX_TOKENS", 3)
    features = Bert(session).features(range(7))
    assert session.lengths == [3, 3, 1]
    assert features[:, 0].tolist() == list(range(7))


def test_a_failed_run_is_tried_again():
    class Failing(Session):
        def run(self, names, feeds):
            if not self.lengths:
                self.lengths.append(0)
                raise RuntimeError("once")
            return super().run(names, feeds)

    model = Bert(Failing())
    with pytest.raises(RuntimeError, match="once"):
        model.features([1, 2])
    assert model.features([1, 2]).shape == (2, WIDTH)


def test_many_threads_get_the_right_features_and_the_cache_stays_small(session):
    limit = 40 * TOKEN_BYTES
    model = Bert(session, cache_bytes=limit)
    faults = []

    def read(seed):
        rng = random.Random(seed)
        for _ in range(300):
            ids = [rng.randrange(20) for _ in range(rng.randrange(1, 6))]
            features = model.features(ids)
            if features[:, 0].tolist() != ids or model._kept.size_bytes > limit:
                faults.append(ids)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
