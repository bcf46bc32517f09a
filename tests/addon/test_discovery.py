"""Home Assistant is told where the server is."""

from __future__ import annotations

import logging
import socket
import threading

import pytest
from fake_supervisor import TOKEN
from hayakoe_addon.discovery import announce


@pytest.fixture
def wyoming_port():
    """Something that answers `describe` on the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        stopped = threading.Event()

        def answer():
            while not stopped.is_set():
                connection, _ = listener.accept()
                with connection, connection.makefile("rb") as lines:
                    if b'"describe"' in lines.readline():
                        connection.sendall(b'{"type": "info", "data_length": 2}\n{}')

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        stopped.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()


def announced(supervisor, port, token=TOKEN):
    """Returns whether it was taken, and the pauses in between."""
    pauses = []
    taken = announce(token, supervisor=supervisor.url, port=port, sleep=pauses.append)
    return taken, pauses


def test_home_assistant_is_told_under_the_name_of_the_container(supervisor, wyoming_port):
    assert announced(supervisor, wyoming_port) == (True, [])
    assert supervisor.taken == [{"uri": f"tcp://{socket.gethostname()}:{wyoming_port}"}]
    assert not supervisor.problems


def test_it_is_told_on_every_start(supervisor, wyoming_port):
    announced(supervisor, wyoming_port)
    announced(supervisor, wyoming_port)
    assert len(supervisor.taken) == 2


@pytest.mark.parametrize("refusal", [400, 429, 500, 502, None])
def test_a_supervisor_that_is_busy_is_asked_again(supervisor, wyoming_port, refusal):
    supervisor.refusals = [refusal] * 3
    assert announced(supervisor, wyoming_port) == (True, [1, 2, 4])
    assert len(supervisor.taken) == 1


def test_it_gives_up_after_a_while_and_says_what_to_do(supervisor, wyoming_port, caplog):
    supervisor.refusals = [503] * 100
    taken, pauses = announced(supervisor, wyoming_port)
    assert not taken
    assert 600 < sum(pauses) < 1800
    assert "by hand" in caplog.text
    assert TOKEN not in caplog.text


def test_a_refusal_is_final_and_told(supervisor, wyoming_port, caplog):
    assert announced(supervisor, wyoming_port, token="wrong") == (False, [])
    assert "403" in caplog.text
    assert not supervisor.taken


def test_nothing_is_told_before_the_server_answers(supervisor):
    """Home Assistant would ask at once, and find nobody."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    class StillStartingError(Exception):
        pass

    waits = []

    def sleep(_):
        waits.append(len(supervisor.taken))
        if len(waits) == 5:
            raise StillStartingError

    with pytest.raises(StillStartingError):
        announce(TOKEN, supervisor=supervisor.url, port=port, sleep=sleep)
    assert waits == [0] * 5


def test_a_port_of_somebody_else_is_not_announced(supervisor, caplog):
    caplog.set_level(logging.INFO)
    waits = []

    class StillStartingError(Exception):
        pass

    def sleep(_):
        waits.append(1)
        raise StillStartingError

    with pytest.raises(StillStartingError):
        announce(TOKEN, supervisor=supervisor.url, port=supervisor.server_port, sleep=sleep)
    assert not supervisor.taken
