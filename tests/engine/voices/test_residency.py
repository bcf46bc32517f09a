from hayakoe_engine.voices.residency import Residency, Resident


def resident(residency, name, size=10, log=None):
    def open_it():
        if log is not None:
            log.append(name)
        return object()

    return Resident(residency, size, open_it)


def test_it_is_opened_at_its_first_use_only():
    log = []
    voice = resident(Residency(), "a", log=log)
    assert not voice.is_open
    assert voice.get() is voice.get()
    assert log == ["a"]
    assert voice.is_open


def test_the_longest_unused_makes_room_and_comes_back():
    log = []
    residency = Residency(20)
    a, b, c = (resident(residency, name, log=log) for name in "abc")
    for voice in (a, b, a, c):
        voice.get()
    assert [voice.is_open for voice in (a, b, c)] == [True, False, True]
    b.get()
    assert log == ["a", "b", "c", "b"]
    assert not a.is_open


def test_what_is_needed_is_open_even_if_it_is_too_large():
    residency = Residency(20)
    small, large = resident(residency, "small"), resident(residency, "large", size=100)
    small.get()
    large.get()
    assert large.is_open
    assert not small.is_open


def test_what_is_closed_leaves_room():
    residency = Residency(20)
    a, b, c = (resident(residency, name) for name in "abc")
    a.get()
    b.get()
    b.close()
    c.get()
    assert a.is_open
    assert c.is_open
    assert not b.is_open


def test_one_that_cannot_be_opened_can_be_tried_again():
    failures = [ValueError("oops")]

    def open_it():
        if failures:
            raise failures.pop()
        return 1

    voice = Resident(Residency(), 10, open_it)
    try:
        voice.get()
    except ValueError:
        assert voice.get() == 1


def test_what_nobody_has_any_more_takes_no_room():
    residency = Residency(20)
    a, b, c = (resident(residency, name) for name in "abc")
    a.get()
    b.get()
    del b
    c.get()
    assert a.is_open
    assert c.is_open
