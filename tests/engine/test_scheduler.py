import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest

from hayakoe_engine.errors import BusyError, InferenceFailed, VoiceNotFound
from hayakoe_engine.scheduler import DRY_S, Priority, Scheduler
from hayakoe_engine.window import MadeWindow, Window
from hayakoe_engine.work_stream import AHEAD_S

RATE_HZ = 100


def window(value=1.0, seconds=1.0):
    return np.full(round(seconds * RATE_HZ), value, np.float32)


@pytest.fixture
def scheduler():
    made = Scheduler(threads=1)
    yield made
    made.close()


def piece(*values, log=None, name=None):
    def work():
        for value in values:
            if log is not None:
                log.append(name)
            yield window(value)

    return work


def values(stream):
    return [float(w.samples[0]) for w in stream]


class Gate:
    """Keeps the one worker busy until it is opened, so that a test can queue work behind it."""

    def __init__(self, scheduler):
        self.opened = threading.Event()
        self.reached = threading.Event()
        self._stream = scheduler.open(RATE_HZ, Priority.ALARM)
        self._stream.add(self._wait)
        self._stream.end()
        assert self.reached.wait(10)

    def _wait(self):
        self.reached.set()
        assert self.opened.wait(10)
        yield window()


def test_pieces_are_done_in_order(scheduler):
    stream = scheduler.open(RATE_HZ)
    stream.add(piece(1, 2))
    stream.add(piece())
    stream.add(piece(3))
    stream.end()
    assert values(stream) == [1, 2, 3]
    assert stream.produced_s == 3
    assert stream.work_s > 0


def test_work_may_be_added_while_windows_are_taken(scheduler):
    stream = scheduler.open(RATE_HZ)
    stream.add(piece(1))
    assert next(stream).samples[0] == 1
    stream.add(piece(2))
    assert next(stream).samples[0] == 2
    stream.end()
    assert values(stream) == []


def test_two_requests_take_turns(scheduler):
    log = []
    gate = Gate(scheduler)
    streams = [scheduler.open(RATE_HZ) for _ in range(2)]
    for name, stream in zip("ab", streams, strict=True):
        stream.add(piece(1, 2, 3, log=log, name=name))
        stream.end()
    gate.opened.set()
    for stream in streams:
        assert values(stream) == [1, 2, 3]
    assert "".join(log) == "ababab"


def test_a_newcomer_goes_before_who_has_got_much(scheduler):
    log = []
    old = scheduler.open(RATE_HZ)
    old.add(piece(1, 2, log=log, name="old"))
    assert [next(old).samples[0], next(old).samples[0]] == [1, 2]
    gate = Gate(scheduler)
    old.add(piece(3, log=log, name="old"))
    old.end()
    new = scheduler.open(RATE_HZ)
    new.add(piece(1, 2, log=log, name="new"))
    new.end()
    gate.opened.set()
    assert values(old) == [3]
    assert values(new) == [1, 2]
    assert log == ["old", "old", "new", "new", "old"]


def test_an_alarm_goes_first_and_a_batch_last(scheduler):
    log = []
    gate = Gate(scheduler)
    streams = []
    for priority in (Priority.BATCH, Priority.INTERACTIVE, Priority.ANNOUNCEMENT, Priority.ALARM):
        stream = scheduler.open(RATE_HZ, priority)
        stream.add(piece(1, log=log, name=priority.name))
        stream.end()
        streams.append(stream)
    gate.opened.set()
    for stream in streams:
        assert values(stream) == [1]
    assert log == ["ALARM", "INTERACTIVE", "ANNOUNCEMENT", "BATCH"]


def test_closing_ends_the_work_after_the_window_in_progress(scheduler):
    begun, go_on = threading.Event(), threading.Event()
    made, closed = [], threading.Event()

    def work():
        try:
            for value in range(100):
                begun.set()
                assert go_on.wait(10)
                made.append(value)
                yield window(value)
        finally:
            closed.set()

    stream = scheduler.open(RATE_HZ)
    stream.add(work)
    assert begun.wait(10)
    stream.close()
    go_on.set()
    assert closed.wait(10)
    assert made == [0]
    assert values(stream) == []
    assert scheduler.active_streams == 0


def test_a_consumer_that_does_not_take_holds_only_itself_up(scheduler):
    greedy = scheduler.open(RATE_HZ)
    count = []
    greedy.add(piece(*range(1000), log=count))
    greedy.end()
    other = scheduler.open(RATE_HZ)
    other.add(piece(*range(100)))
    other.end()
    assert values(other) == list(range(100))
    assert len(count) <= AHEAD_S + 1
    assert values(greedy) == list(range(1000))


def test_windows_without_audio_are_not_given_out(scheduler):
    def work():
        yield window(1)
        yield window(seconds=0)
        yield window(2)

    stream = scheduler.open(RATE_HZ)
    stream.add(work)
    stream.end()
    assert values(stream) == [1, 2]


def test_an_error_comes_after_the_audio_made_before(scheduler):
    def work():
        yield window(1)
        raise ZeroDivisionError("oops")

    stream = scheduler.open(RATE_HZ)
    stream.add(work)
    stream.add(piece(2))
    assert next(stream).samples[0] == 1
    with pytest.raises(InferenceFailed, match="ZeroDivisionError: oops") as caught:
        next(stream)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert values(stream) == []
    assert scheduler.active_streams == 0


def test_the_engines_own_errors_stay_what_they_are(scheduler):
    def work():
        raise VoiceNotFound("gone")
        yield

    stream = scheduler.open(RATE_HZ)
    stream.add(work)
    with pytest.raises(VoiceNotFound, match="gone"):
        next(stream)


def test_a_worker_survives_every_error(scheduler):
    def work():
        raise ValueError
        yield

    for _ in range(5):
        stream = scheduler.open(RATE_HZ)
        stream.add(work)
        with pytest.raises(InferenceFailed):
            next(stream)
    stream = scheduler.open(RATE_HZ)
    stream.add(piece(1))
    stream.end()
    assert values(stream) == [1]


def test_one_request_too_many_is_refused_and_a_place_is_free_again_later():
    scheduler = Scheduler(threads=1, max_streams=2)
    streams = [scheduler.open(RATE_HZ) for _ in range(2)]
    with pytest.raises(BusyError, match="2 requests") as caught:
        scheduler.open(RATE_HZ)
    assert caught.value.hint
    streams[0].close()
    scheduler.open(RATE_HZ).close()
    scheduler.close()


def test_a_request_that_is_over_needs_no_place_although_a_worker_is_at_it():
    scheduler = Scheduler(threads=1, max_streams=1)
    reached, opened = threading.Event(), threading.Event()

    def work():
        reached.set()
        assert opened.wait(10)
        yield window()

    stream = scheduler.open(RATE_HZ)
    stream.add(work)
    assert reached.wait(10)
    stream.close()
    assert scheduler.active_streams == 1
    following = scheduler.open(RATE_HZ)
    with pytest.raises(BusyError):
        scheduler.open(RATE_HZ)
    following.add(piece(1))
    following.end()
    opened.set()
    assert values(following) == [1]
    scheduler.close()


@pytest.mark.parametrize(("silence_s", "first"), [(DRY_S / 2, "newcomer"), (DRY_S, "speaker")])
def test_newcomers_do_not_silence_those_that_speak(silence_s, first):
    now = [0.0]
    scheduler = Scheduler(threads=1, clock=lambda: now[0])
    log = []
    speaker = scheduler.open(RATE_HZ)
    speaker.add(piece(1))
    now[0] = 1.0
    assert next(speaker).samples[0] == 1  # plays for a second
    gate = Gate(scheduler)
    speaker.add(piece(2, log=log, name="speaker"))
    speaker.end()
    newcomer = scheduler.open(RATE_HZ)
    newcomer.add(piece(3, log=log, name="newcomer"))
    newcomer.end()
    now[0] = 2.0 + silence_s
    gate.opened.set()
    assert (values(speaker), values(newcomer)) == ([2], [3])
    assert log[0] == first
    scheduler.close()


def test_closing_the_scheduler_fails_what_is_open():
    scheduler = Scheduler(threads=1)
    stream = scheduler.open(RATE_HZ)
    failures = []

    def consume():
        try:
            next(stream)
        except BusyError as error:
            failures.append(str(error))

    consumer = threading.Thread(target=consume)
    consumer.start()
    scheduler.close()
    scheduler.close()
    consumer.join(10)
    assert len(failures) == 1
    with pytest.raises(BusyError, match="closed"):
        scheduler.open(RATE_HZ)


def test_a_forgotten_scheduler_ends_its_threads():
    before = set(threading.enumerate())
    scheduler = Scheduler(threads=3)
    stream = scheduler.open(RATE_HZ)
    stream.add(piece(1))
    stream.end()
    assert values(stream) == [1]
    started = set(threading.enumerate()) - before
    assert len(started) == 3
    gone = weakref.ref(scheduler)
    del scheduler, stream
    gc.collect()
    assert gone() is None
    assert not any(thread.is_alive() for thread in started)


async def test_tasks_take_windows_without_blocking_the_loop(scheduler):
    gate = Gate(scheduler)
    stream = scheduler.open(RATE_HZ)
    stream.add(piece(1, 2))
    stream.end()

    async def consume():
        return [float(w.samples[0]) async for w in stream]

    consumer = asyncio.create_task(consume())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not consumer.done()
    gate.opened.set()
    assert await asyncio.wait_for(consumer, 10) == [1, 2]


async def test_a_cancelled_task_may_be_followed_by_another(scheduler):
    stream = scheduler.open(RATE_HZ)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    stream.add(piece(1))
    stream.end()
    assert float((await asyncio.wait_for(anext(stream), 10)).samples[0]) == 1


def test_windows_for_a_closed_event_loop_do_not_hurt_the_worker(scheduler):
    gate = Gate(scheduler)
    stream = scheduler.open(RATE_HZ)
    stream.add(piece(1))
    stream.end()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.wait([loop.create_task(anext(stream))], timeout=0.05))
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    gate.opened.set()
    assert values(stream) == [1]


def to_make(value, *, log=None, wait=None, uses_all_cpus=False):
    def make():
        if wait is not None:
            assert wait.wait(10)
        if log is not None:
            log.append(value)
        return MadeWindow(window(value))

    return Window(make, RATE_HZ, uses_all_cpus)


def test_windows_made_beside_each_other_are_given_out_in_order():
    scheduler = Scheduler(threads=2)
    first_may_end, log = threading.Event(), []

    def work():
        yield to_make(1, log=log, wait=first_may_end)
        yield to_make(2, log=log)
        first_may_end.set()
        yield to_make(3, log=log)

    stream = scheduler.open(RATE_HZ)
    stream.add(work)
    stream.end()
    assert values(stream) == [1, 2, 3]
    assert log[0] == 2  # made while the first was being made
    assert stream.produced_s == 3
    scheduler.close()


def test_nothing_is_made_beside_a_window_that_uses_all_cpus():
    scheduler = Scheduler(threads=2)
    log, go_on = [], threading.Event()

    def work():
        yield to_make(1, log=log, wait=go_on, uses_all_cpus=True)
        log.append("pulled")
        yield to_make(2, log=log)

    stream = scheduler.open(RATE_HZ)
    stream.add(work)
    stream.end()
    other = scheduler.open(RATE_HZ)
    other.add(piece(7, log=log, name="other"))
    other.end()
    assert values(other) == [7]
    go_on.set()
    assert values(stream) == [1, 2]
    assert log == ["other", 1, "pulled", 2]
    scheduler.close()


def test_a_window_that_cannot_be_made_ends_the_request_after_those_before_it():
    scheduler = Scheduler(threads=2)
    closed = threading.Event()
    failed = threading.Event()

    def fail():
        failed.set()
        raise ZeroDivisionError("oops")

    def work():
        try:
            yield to_make(1, wait=failed)
            yield Window(fail, RATE_HZ)
            for _ in range(1000):
                yield to_make(3)
        finally:
            closed.set()

    stream = scheduler.open(RATE_HZ)
    stream.add(work)
    stream.end()
    assert next(stream).samples[0] == 1
    with pytest.raises(InferenceFailed, match="ZeroDivisionError: oops"):
        next(stream)
    assert values(stream) == []
    assert closed.wait(10)
    scheduler.close()


def test_closing_while_a_window_is_made_drops_it():
    scheduler = Scheduler(threads=2)
    begun, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def make():
        begun.set()
        assert go_on.wait(10)
        return MadeWindow(window(1))

    def work():
        try:
            yield Window(make, RATE_HZ, uses_all_cpus=True)
        finally:
            closed.set()

    stream = scheduler.open(RATE_HZ)
    stream.add(work)
    assert begun.wait(10)
    stream.close()
    assert closed.wait(10)
    assert scheduler.active_streams == 1  # its window is still being made
    go_on.set()
    assert values(stream) == []
    scheduler.close()
    assert scheduler.active_streams == 0
