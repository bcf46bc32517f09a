import threading

import pytest

from hayakoe_engine.voices.sbv2 import cpu_turns
from hayakoe_engine.voices.sbv2.cpu_turns import cpu_turn

HANG_S = 20


@pytest.fixture
def stage():
    """Begins a stage in a thread: what tells that it is in it, and what ends it."""
    threads, ends = [], []

    def begin():
        is_in, end = threading.Event(), threading.Event()

        def run():
            with cpu_turn():
                is_in.set()
                assert end.wait(HANG_S)

        threads.append(threading.Thread(target=run))
        ends.append(end)
        threads[-1].start()
        return is_in, end

    yield begin
    for end in ends:
        end.set()
    for thread in threads:
        thread.join(HANG_S)


def test_stages_on_all_cpus_come_one_after_another(stage, monkeypatch):
    monkeypatch.setattr(cpu_turns, "PATIENCE_S", HANG_S)
    first, first_end = stage()
    assert first.wait(HANG_S)
    second, _ = stage()
    assert not second.wait(0.2)
    first_end.set()
    assert second.wait(HANG_S)


def test_nobody_waits_long_for_a_very_long_sentence(stage):
    first, _ = stage()
    assert first.wait(HANG_S)
    second, second_end = stage()
    assert second.wait(HANG_S)
    second_end.set()
    third, _ = stage()
    assert third.wait(HANG_S)


def test_a_stage_that_fails_lets_the_next_one_in(monkeypatch):
    monkeypatch.setattr(cpu_turns, "PATIENCE_S", HANG_S)
    with pytest.raises(ValueError, match="broken"), cpu_turn():
        raise ValueError("broken")
    with cpu_turn():
        pass
