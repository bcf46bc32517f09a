import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hayakoe_engine.voices.sbv2.torch.batching import MAX_ROWS, Batcher, Gate


class Calculator:
    """Squares rows of numbers; takes note of what it is asked for together."""

    def __init__(self, gate, **limits):
        self.batches = []
        self.square = Batcher(gate, self._run, abs, **{"max_cells": 1000, **limits})

    def _run(self, rows):
        self.batches.append(list(rows))
        if 13 in rows:
            raise ValueError("thirteen")
        return [row * row for row in rows]


class Occupied:
    """Keeps the gate busy until so many others wait."""

    def __init__(self, gate):
        self._gate = gate
        self._open = threading.Event()
        self._began = threading.Event()
        self._batcher = Batcher(gate, self._run, lambda _: 1, max_cells=1)
        self._thread = threading.Thread(target=self._batcher, args=(None,))

    def _run(self, rows):
        self._began.set()
        assert self._open.wait(30)
        return rows

    def __enter__(self):
        self._thread.start()
        assert self._began.wait(30)
        return self

    def release(self, waiting):
        while len(self._gate._waiting) < waiting:
            threading.Event().wait(0.001)
        self._open.set()

    def __exit__(self, *_):
        self._open.set()
        self._thread.join()


def ask_at_once(calculator, gate, numbers):
    """What came of numbers that were asked for while the gate was busy, in this order."""
    with ThreadPoolExecutor(len(numbers)) as pool, Occupied(gate) as occupied:
        futures = []
        for count, number in enumerate(numbers, 1):
            futures.append(pool.submit(calculator.square, number))
            while len(gate._waiting) < count:
                threading.Event().wait(0.001)
        occupied.release(len(numbers))
        return [future.exception() or future.result() for future in futures]


@pytest.fixture
def gate():
    return Gate()


def test_whoever_is_alone_is_served_alone(gate):
    calculator = Calculator(gate)
    assert [calculator.square(number) for number in (2, 3)] == [4, 9]
    assert calculator.batches == [[2], [3]]


def test_what_is_asked_for_meanwhile_is_computed_together(gate):
    calculator = Calculator(gate)
    assert ask_at_once(calculator, gate, [5, 6, 7]) == [25, 36, 49]
    assert calculator.batches == [[5, 6, 7]]


def test_a_row_is_not_padded_to_more_than_twice_its_length(gate):
    calculator = Calculator(gate)
    ask_at_once(calculator, gate, [5, 20, 9, 11])
    assert calculator.batches == [[5, 9], [20, 11]]


def test_batches_are_bounded(gate):
    small = Calculator(gate, max_cells=20)
    ask_at_once(small, gate, [8, 9, 9, 30])
    assert small.batches == [[8, 9], [9], [30]]
    many = Calculator(gate)
    ask_at_once(many, gate, [1] * (MAX_ROWS + 1))
    assert [len(batch) for batch in many.batches] == [MAX_ROWS, 1]


def test_of_two_computations_none_is_mixed_with_the_other(gate):
    first, second = Calculator(gate), Calculator(gate)
    with ThreadPoolExecutor(4) as pool, Occupied(gate) as occupied:
        futures = [pool.submit(one.square, 5) for one in (first, second, first, second)]
        occupied.release(4)
        assert [future.result() for future in futures] == [25] * 4
    assert first.batches == second.batches == [[5, 5]]


def test_a_row_that_fails_does_not_fail_the_others(gate):
    calculator = Calculator(gate)
    first, failed, last = ask_at_once(calculator, gate, [12, 13, 14])
    assert (first, last) == (144, 196)
    assert isinstance(failed, ValueError)
    assert calculator.square(3) == 9
