"""Events on a byte stream: read as the ``wyoming`` library writes them, within limits."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wyoming.event import Event, write_event

from wyoming_hayakoe.wire import MAX_LINE_BYTES, BadEvent, read_event

MAX_BYTES = 4096

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=10,
)
json_objects = st.dictionaries(st.text(max_size=20), json_values, max_size=5)
headers = st.fixed_dictionaries(
    {},
    optional={
        "type": st.just("synthesize") | json_values,
        "data": json_values,
        "data_length": st.integers(-2, 60) | json_values,
        "payload_length": st.integers(-2, 60) | json_values,
    },
)


def read_all(data, max_bytes=MAX_BYTES):
    async def read():
        reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        reader.feed_data(data)
        reader.feed_eof()
        events = []
        while (event := await read_event(reader, max_bytes)) is not None:
            events.append(event)
        return events

    return asyncio.run(read())


def written(*events):
    buffer = io.BytesIO()
    for event in events:
        write_event(event, buffer)
    return buffer.getvalue()


def line(**header):
    return json.dumps(header).encode() + b"\n"


def assert_only_known_errors(data):
    try:
        events = read_all(data)
    except (BadEvent, asyncio.IncompleteReadError):
        return
    assert all(isinstance(event, Event) for event in events)


@unhurried
@given(st.binary())
def test_any_bytes_are_events_or_a_known_error(data):
    assert_only_known_errors(data)


@unhurried
@given(st.lists(st.tuples(headers, st.binary(max_size=60)), min_size=1, max_size=3))
def test_any_header_gives_events_or_a_known_error(parts):
    data = b"".join(json.dumps(header).encode() + b"\n" + tail for header, tail in parts)
    assert_only_known_errors(data)


@unhurried
@given(st.text(), json_objects)
def test_events_are_read_as_the_library_writes_them(kind, data):
    [event] = read_all(written(Event(kind, data)), 1_000_000)
    assert (event.type, event.data) == (kind, data)


@unhurried
@given(st.lists(st.tuples(json_objects, st.binary(max_size=200)), max_size=4))
def test_payloads_are_skipped(parts):
    data = written(*(Event("e", data, payload) for data, payload in parts))
    assert [event.data for event in read_all(data, 1_000_000)] == [data for data, _ in parts]


@unhurried
@given(json_objects, st.integers(min_value=0))
def test_a_cut_event_is_never_an_event(data, cut):
    whole = written(Event("synthesize", {"text": "あ", **data}, b"payload"))
    part = whole[: 1 + cut % (len(whole) - 1)]
    with pytest.raises((BadEvent, asyncio.IncompleteReadError)):
        read_all(part, 1_000_000)


def test_data_in_the_header_and_in_the_block_are_merged():
    block = b'{"b": 2, "c": 3}'
    [event] = read_all(line(type="e", data={"a": 1, "b": 1}, data_length=len(block)) + block)
    assert event.data == {"a": 1, "b": 2, "c": 3}


def test_an_event_may_have_no_data_or_null():
    data = b'{"type": "a"}\n{"type": "b", "data": null, "data_length": null, "payload_length": 0}\n'
    assert [(event.type, event.data) for event in read_all(data)] == [("a", {}), ("b", {})]


@pytest.mark.parametrize("key", ["data_length", "payload_length"])
@pytest.mark.parametrize("length", [-1, MAX_BYTES + 1, 10**30, "5", 5.0, True, [5], {"a": 5}])
def test_a_length_out_of_range_is_refused_before_anything_is_read(key, length):
    with pytest.raises(BadEvent, match=key):
        read_all(line(type="e", **{key: length}) + b"x" * 10)


@pytest.mark.parametrize("key", ["data_length", "payload_length"])
def test_the_largest_length_is_allowed(key):
    block = json.dumps({"a": "x" * (MAX_BYTES - 9)}).encode()
    assert len(block) == MAX_BYTES
    assert len(read_all(line(type="e", **{key: MAX_BYTES}) + block)) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"GET / HTTP/1.1\r\n",
        b"\xff\xfe\x00\n",
        b"[]\n",
        b'"e"\n',
        b"{}\n",
        b'{"type": 5}\n',
        b'{"type": "e", "data": [1]}\n',
        b'{"type": "e", "data_length": 2}\n[]',
        b'{"type": "e", "data_length": 2}\n{"',
        b'{"type": "e", "a": ' + b"9" * 5000 + b"}\n",
        b'{"type": ' + b"[" * 60_000 + b"\n",
        b'{"type": "e", "data_length": 4000}\n' + b'{"a":' * 800,
        b"x" * (MAX_LINE_BYTES + 1) + b"\n",
        b"x" * (MAX_LINE_BYTES * 3),
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_no_event_is_refused(data):
    with pytest.raises(BadEvent):
        read_all(data)


def test_a_header_of_the_greatest_length_is_read():
    text = "x" * (MAX_LINE_BYTES - len(line(type="e", a="")))
    assert len(read_all(line(type="e", a=text))) == 1
