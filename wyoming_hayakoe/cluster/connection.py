"""A server's way to the replicas that speak for it."""

from __future__ import annotations

import logging
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.errors import BusyError, SourceUnreachable, VoiceError
from wyoming_hayakoe.cluster.remote_voice import RemoteVoice
from wyoming_hayakoe.cluster.sentence import VoiceReference, recipe_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hayakoe_engine.voices.voice import Voice
    from wyoming_hayakoe.cluster.pool import ReplicaPool
    from wyoming_hayakoe.settings import NeuralVoice, Settings

_LOG = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""Time between two looks at which pools can speak."""
_WAIT_S: Final = 0.2
_FAREWELL_S: Final = 1.0
_LOST_S: Final = 3 * LOOK_S
_FOR_EVER_S: Final = 10**9


class Cluster:
    """Replicas on a Ray cluster, which is joined when the first voice is wanted.

    Replicas are shared with other servers, and stay when this one goes.

    Args:
        settings: Say where the cluster is and what its replicas are like.

    Attributes:
        has_left: Whether it was left when it was closed. Otherwise it did not answer, and this
            process must end without another word to Ray, which would wait for it or abort.
    """

    def __init__(self, settings: Settings) -> None:
        self.has_left = True
        self._settings = settings
        self._lock = threading.Lock()
        self._pools: list[ReplicaPool] = []
        self._speaking: list[ReplicaPool] = []
        self._seen_at = 0.0
        self._closing = threading.Event()
        self._looking = threading.Thread(
            target=self._look, name="hayakoe-cluster-look", daemon=True
        )

    def origin(self, name: str, voice: NeuralVoice) -> Callable[[], Voice]:
        """What makes a voice, for ``TTS.load``."""
        return partial(self.voice, VoiceReference(name, voice.source))

    def voice(self, reference: VoiceReference) -> RemoteVoice:
        """A voice; waits until a replica has opened it.

        Raises:
            SourceError: The cluster cannot be joined now, or no replica is ready in time.
            VoiceError: The cluster does not take the replicas.
            BusyError: The server is stopping.
            HayakoeError: The replica cannot open the voice.
        """
        limit = time.monotonic() + self._settings.cluster.start_timeout_s
        with self._lock:
            if self._closing.is_set():
                raise BusyError("the server is stopping")
            if not self._pools:
                self._join()
        while not (ready := [pool for pool in self._pools if pool.running_replicas]):
            if time.monotonic() > limit:
                raise SourceUnreachable(
                    f"no replica was ready within {self._settings.cluster.start_timeout_s:g} s",
                    hint="`serve status` and `ray status` on a node of the cluster tell why",
                )
            if self._closing.wait(_WAIT_S):
                raise BusyError("the server is stopping")
        self._speaking = self._in_order(ready)
        info = ready[0].describe(reference, max(1.0, limit - time.monotonic()))
        return RemoteVoice(reference, info, lambda: self._speaking)

    def close(self) -> None:
        """Leave the cluster, and let nobody wait for it any more; the second time does nothing."""
        self._closing.set()
        if not self._lock.acquire(timeout=_FAREWELL_S):
            self.has_left = False  # it is being joined
            return
        try:
            if self._pools:
                self._pools = []
                self.has_left = self._leave()
        finally:
            self._lock.release()

    def _leave(self) -> bool:
        # Asked for anything after it was shut down, Ray would start a cluster of its own.
        self._looking.join(_FAREWELL_S)
        if self._looking.is_alive() or time.monotonic() - self._seen_at > _LOST_S:
            return False
        from wyoming_hayakoe.cluster.joining import leave  # noqa: PLC0415

        leave()
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _join(self) -> None:
        # Ray would end this process a minute after its head is lost. It takes that from the
        # environment only, when it is imported, which also takes seconds.
        os.putenv("RAY_gcs_rpc_server_reconnect_timeout_s", str(_FOR_EVER_S))
        from wyoming_hayakoe.cluster import joining, pool  # noqa: PLC0415

        settings = self._settings.cluster
        joining.join(settings.address or "auto")
        voices = [
            VoiceReference(name, voice.source) for name, voice in self._settings.voices.items()
        ]
        pools = [
            pool.ReplicaPool(
                name, one, recipe_for(self._settings, one), voices, settings.window_timeout_s
            )
            for name, one in settings.pools.items()
        ]
        try:
            pool.deploy(pools)
        except Exception as error:
            joining.leave()
            raise VoiceError(f"the cluster does not take the replicas: {error}") from error
        self._pools = pools
        self._seen_at = time.monotonic()
        self._looking.start()

    def _look(self) -> None:
        """Keep in mind which pools have replicas: a sentence should not wait for a dead one."""
        is_lost = False
        while not self._closing.wait(LOOK_S):
            try:
                running = [(pool, pool.running_replicas) for pool in self._pools]
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                _LOG.debug("the Ray cluster does not answer: %s", error)
                running = []
            if any(replicas is not None for _, replicas in running):
                self._speaking = self._in_order([pool for pool, replicas in running if replicas])
                self._seen_at = time.monotonic()
                is_lost = False
            elif not is_lost and not self._closing.is_set():
                _LOG.warning("the Ray cluster does not answer")
                is_lost = True

    def _in_order(self, ready: Sequence[ReplicaPool]) -> list[ReplicaPool]:
        """The pools to ask: those that can speak first."""
        return [*ready, *(pool for pool in self._pools if pool not in ready)]
