"""Tells Home Assistant where the server is, through the Supervisor."""

from __future__ import annotations

import json
import logging
import socket
import time
from typing import TYPE_CHECKING, Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger(__name__)

SUPERVISOR: Final = "http://supervisor"
PORT: Final = 10200

_POLL_S: Final = 1.0
_SAY_AFTER_POLLS: Final = 60
_ATTEMPTS: Final = 20
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_TIMEOUT_S: Final = 10.0
_REFUSALS: Final = frozenset({401, 403, 404, 405})
"""What more patience does not help against; 400 is also said by a Supervisor that is starting."""
_LONGEST_LINE_BYTES: Final = 65_536
_LONGEST_ANSWER_BYTES: Final = 4_096


def announce(
    token: str,
    *,
    supervisor: str = SUPERVISOR,
    port: int = PORT,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until the server answers, then tell the Supervisor; returns whether it was taken.

    Said on every start: the Supervisor tells Home Assistant only if something has changed, and
    forgets nothing of what it knows. A Supervisor that is busy, as after a restart of the machine,
    is asked again for about a quarter of an hour.

    Args:
        token: That the Supervisor has given this add-on.
        supervisor: Its address.
        port: Of the server, on the loopback interface.
        sleep: Waits so many seconds.
    """
    _wait_for_server(port, sleep)
    uri = f"tcp://{socket.gethostname()}:{port}"
    pause_s = _FIRST_PAUSE_S
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _post(f"{supervisor}/discovery", token, {"service": "wyoming", "config": {"uri": uri}})
        except HTTPError as error:
            with error:
                said = error.read(_LONGEST_ANSWER_BYTES).decode(errors="replace")
            if error.code in _REFUSALS:
                _LOG.error("the Supervisor refuses to announce %s: %s %s", uri, error.code, said)
                return False
            reason = f"{error.code} {said}"
        except (OSError, ValueError) as error:
            reason = str(error.reason if isinstance(error, URLError) else error)
        else:
            _LOG.info("Home Assistant has been told of %s", uri)
            return True
        if attempt < _ATTEMPTS:
            _LOG.warning(
                "the Supervisor did not take the announcement, trying again in %.0f s: %s",
                pause_s,
                reason,
            )
            sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    _LOG.error(
        "the Supervisor did not take the announcement; add the integration Wyoming Protocol by "
        "hand: host %s, port %d",
        socket.gethostname(),
        port,
    )
    return False


def _wait_for_server(port: int, sleep: Callable[[float], None]) -> None:
    """A server that loads voices may need long; if it ends, the container and this end with it."""
    polls = 0
    while not _answers(port):
        polls += 1
        if polls == _SAY_AFTER_POLLS:
            _LOG.info("the server is still busy; Home Assistant will be told when it answers")
        sleep(_POLL_S)


def _answers(port: int) -> bool:
    """Whether somebody says there who they are."""
    try:
        with socket.create_connection(("127.0.0.1", port), _TIMEOUT_S) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.sendall(b'{"type": "describe"}\n')
            with connection.makefile("rb") as answer:
                header = json.loads(answer.readline(_LONGEST_LINE_BYTES))
    except (OSError, ValueError):
        return False
    return isinstance(header, dict) and header.get("type") == "info"


def _post(url: str, token: str, body: dict[str, object]) -> None:
    request = Request(  # noqa: S310 - the Supervisor's address is no user's
        url,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method="POST",
    )
    # A proxy that is set for downloads does not know who the Supervisor is.
    with build_opener(ProxyHandler({})).open(request, timeout=_TIMEOUT_S) as response:
        answer = json.loads(response.read(_LONGEST_ANSWER_BYTES))
    if not isinstance(answer, dict) or answer.get("result") != "ok":
        raise ValueError(f"it answers {answer}")
