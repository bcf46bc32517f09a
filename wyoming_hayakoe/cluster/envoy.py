"""The process that talks to Ray for a server.

Ray ends a process that has lost its cluster, cannot join another one with it, and may wait for
ever. A process of its own may be ended at any moment, and begun anew.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Final

from hayakoe_engine.errors import HayakoeError, VoiceError
from wyoming_hayakoe.cluster.knocking import knock
from wyoming_hayakoe.cluster.link import Cancel, Failed, Result, Running, Sender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wyoming_hayakoe.cluster.link import Call
    from wyoming_hayakoe.cluster.plan import Plan
    from wyoming_hayakoe.cluster.pool import ReplicaPool

LOOK_S: Final = 2.0
"""Time between two looks at what replicas there are."""
_FAREWELL_S: Final = 1.0
_FOR_EVER_S: Final = 10**9


class Envoy:
    """Does for a server what it asks for.

    Args:
        connection: To the server.
        pools: By name; they are deployed.
    """

    def __init__(self, connection: Connection, pools: Mapping[str, ReplicaPool]) -> None:
        self._connection = connection
        self._sender = Sender(connection)
        self._pools = pools
        self._lock = threading.Lock()
        self._responses: dict[int, Any] = {}
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, name="hayakoe-look", daemon=True)

    def run(self) -> bool:
        """Work until the server is gone; returns whether the cluster can be left."""
        self._looking.start()
        with suppress(EOFError, OSError):
            while True:
                match self._connection.recv():
                    case Cancel(number):
                        self._cancel(number)
                    case call:
                        with self._lock:
                            self._responses[call.number] = None
                        threading.Thread(target=self._work, args=(call,), daemon=True).start()

        # Asked for anything after it was left, Ray would start a cluster of its own.
        self._over.set()
        self._looking.join(_FAREWELL_S)
        return not self._looking.is_alive()

    def _look(self) -> None:
        """Tell how many replicas there are, as long as the cluster answers."""
        while not self._over.is_set():
            with suppress(Exception):  # silence says enough
                found = {name: pool.running_replicas for name, pool in self._pools.items()}
                if None not in found.values():
                    replicas = {name: number or 0 for name, number in found.items()}
                    self._sender.send(Running(replicas))
            self._over.wait(LOOK_S)

    def _work(self, call: Call) -> None:
        from wyoming_hayakoe.cluster.pool import translated  # noqa: PLC0415

        number, pool = call.number, self._pools[call.pool]
        error: Exception | None = None
        try:
            if call.method == "speak":
                self._speak(number, pool, **call.arguments)
            else:
                self._send(number, getattr(pool, call.method)(**call.arguments))
        except HayakoeError as failure:
            error = failure
        except BaseException as failure:  # noqa: BLE001 - whoever waits must hear of it
            error = translated(failure)
        with self._lock:
            self._responses.pop(number, None)
        self._sender.send(Result(number, error, is_last=True))

    def _speak(self, number: int, pool: ReplicaPool, sentence: Any) -> None:  # noqa: ANN401
        with pool.speak(sentence) as response:
            with self._lock:
                is_wanted = number in self._responses
                if is_wanted:
                    self._responses[number] = response
            if not is_wanted:
                response.cancel()
                return
            for item in response:
                if isinstance(item, HayakoeError):
                    raise item
                self._send(number, item)

    def _send(self, number: int, value: object) -> None:
        self._sender.send(Result(number, value))

    def _cancel(self, number: int) -> None:
        with self._lock:
            response = self._responses.pop(number, None)
        if response is not None:
            with suppress(Exception):  # it says once more what was wrong
                response.cancel()


def _deployed(plan: Plan) -> dict[str, ReplicaPool]:
    """The pools of a plan, on the cluster, which is joined.

    Raises:
        SourceError: It cannot be joined now.
        VoiceError: It does not take the replicas.
    """
    knock(plan.address)  # before seconds go by for the import of Ray
    # Whether the cluster is lost, the server decides; Ray would end this process after a minute. It
    # takes that from the environment only, when it is imported.
    os.putenv("RAY_gcs_rpc_server_reconnect_timeout_s", str(_FOR_EVER_S))
    from wyoming_hayakoe.cluster import joining, pool  # noqa: PLC0415

    joining.join(plan.address)
    pools = {
        name: pool.ReplicaPool(name, settings, recipe, plan.voices)
        for name, (settings, recipe) in plan.pools.items()
    }
    try:
        pool.deploy(pools.values())
    except Exception as error:
        raise VoiceError(f"the cluster does not take the replicas: {error}") from error
    return pools


def _leave() -> None:
    from wyoming_hayakoe.cluster.joining import leave  # noqa: PLC0415

    leave()


def main() -> None:
    """Serve the server at the other end of the file descriptor that is the argument."""
    for number in (signal.SIGTERM, signal.SIGINT):  # the server says when it is over
        signal.signal(number, signal.SIG_IGN)
    connection = Connection(int(sys.argv[1]))
    try:
        pools = _deployed(connection.recv())
    except HayakoeError as error:
        Sender(connection).send(Failed(error))
    else:
        if Envoy(connection, pools).run():
            leaving = threading.Thread(target=_leave, daemon=True)
            leaving.start()
            leaving.join(_FAREWELL_S)
    os._exit(os.EX_OK)  # Ray may be waiting for a cluster that is gone


if __name__ == "__main__":
    main()
