"""No client takes all places: one that wants everything leaves some for the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hayakoe_engine.errors import BusyError
from wyoming_hayakoe.places import Places, household

TEXT = "こんにちは。"
ELSEWHERE = "127.0.0.2"


def fill(places, client):
    """How many places a client gets that takes all it can get."""
    taken = 0
    while True:
        try:
            places.take(client)
        except BusyError:
            return taken
        taken += 1


# Who gets how many


@pytest.mark.parametrize(("most", "share"), [(1, 1), (2, 2), (4, 4), (5, 4), (64, 52), (256, 205)])
def test_a_client_that_is_alone_gets_four_fifths(most, share):
    places = Places(most, "seats")
    assert fill(places, "greedy") == share
    assert fill(places, None) == most - share


@given(st.integers(1, 300), st.lists(st.sampled_from("abcd"), max_size=300))
def test_whoever_has_none_gets_one_as_long_as_one_is_free(most, wishes):
    places = Places(most, "seats")
    taken = 0
    for client in wishes:
        if taken == most:
            break
        try:
            places.take(client)
        except BusyError:
            continue
        taken += 1
    assert places.taken == taken
    if taken < most:
        places.take("newcomer")


def test_what_is_given_back_may_be_taken_again():
    places = Places(8, "seats")
    assert fill(places, "greedy") == 7
    for _ in range(7):
        places.give_back("greedy")
    assert places.taken == 0
    assert fill(places, "greedy") == 7


def test_the_refusal_says_what_is_wrong():
    places = Places(5, "seats")
    fill(places, "greedy")
    with pytest.raises(BusyError, match="4 of 5 seats are yours already"):
        places.take("greedy")
    places.take("other")
    with pytest.raises(BusyError, match="there are 5 seats already"):
        places.take("newcomer")


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("::ffff:192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", None),
        ("/run/wyoming", None),
    ],
)
def test_addresses_of_a_network_are_counted_together(address, counted_as):
    assert household(address) == counted_as


# Over the wire


async def test_connections_of_one_address_leave_some_for_others(serve, fake_voice):
    served = await serve(fake_voice(), max_connections=5)
    greedy = [served.client() for _ in range(4)]
    for client in greedy:
        await client.connect()
        await client.describe()
    async with served.client() as refused:
        assert "4 of 5 connections are yours" in (await refused.expect_refusal("busy")).text
    async with served.client(ELSEWHERE) as other:
        assert (await other.say(TEXT)).pcm == served.pcm(TEXT)
    for client in greedy:
        assert (await client.say(TEXT)).pcm == served.pcm(TEXT)
        await client.disconnect()
    await served.wait_idle()
    async with served.client() as again:
        await again.describe()


async def test_utterances_of_one_address_leave_some_for_others(serve, fake_voice):
    voice = fake_voice(gated=True)
    served = await serve(voice, max_utterances=7)
    async with served.client() as first, served.client() as second, served.client() as third:
        for client in (first, second):
            for _ in range(3):
                await client.ask(TEXT)
            await client.describe()  # all of it has arrived
        await third.ask(TEXT)
        assert "6 of 7 utterances" in (await third.expect_refusal("busy")).text
        async with served.client(ELSEWHERE) as other:
            await other.ask(TEXT)
            await other.describe()
            voice.open_gate()
            for client in (other, *[first] * 3, *[second] * 3):
                assert (await client.listen()).pcm == served.pcm(TEXT)
    await served.wait_idle()
    assert served.speech.active == 0


async def test_a_place_is_free_before_anybody_hears_that_it_is(serve, fake_voice):
    served = await serve(fake_voice(), max_utterances=1)
    async with served.client() as client:
        for number in range(20):
            await client.ask(f"{number}。")
            await client.listen()
            assert served.speech.active == 0


async def test_a_place_of_a_failed_utterance_is_free_before_its_error(serve, fake_voice, caplog):
    served = await serve(fake_voice(fails_at=0))
    async with served.client() as client:
        await client.ask(TEXT)
        await client.expect_refusal("inference-failed")
        assert served.speech.active == 0
    caplog.clear()
