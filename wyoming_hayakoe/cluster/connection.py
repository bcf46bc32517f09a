"""A server's way to the replicas that speak for it."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from hayakoe_engine.errors import BusyError, HayakoeError, SourceUnreachable
from hayakoe_engine.scheduler import Priority
from wyoming_hayakoe.cluster.envoy_process import COMMAND, EnvoyProcess
from wyoming_hayakoe.cluster.plan import Plan
from wyoming_hayakoe.cluster.remote_voice import RemoteVoice, ReplicaLost
from wyoming_hayakoe.cluster.sentence import VoiceReference

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from hayakoe_engine.text.delivery import Delivery
    from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
    from hayakoe_engine.voices.voice import Voice
    from hayakoe_engine.window import MadeWindow
    from wyoming_hayakoe.cluster.link import Method
    from wyoming_hayakoe.cluster.sentence import Description, Sentence
    from wyoming_hayakoe.cluster_settings import Pool
    from wyoming_hayakoe.settings import NeuralVoice, Settings

_LOG = logging.getLogger(__name__)

LOST_S: Final = 30.0
"""A cluster from which nothing has come for so long is left, and joined anew."""
JOIN_S: Final = 120.0
"""Time that joining may take."""
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
"""Time until a cluster is looked for again; twice as long every time, up to this."""
_WAIT_S: Final = 0.2
_FAREWELL_S: Final = 5.0


class Cluster:
    """Replicas on a Ray cluster, which is joined when the first voice is wanted.

    Whenever it is lost it is joined again; meanwhile nobody waits for it, and voices fail at once.
    Replicas are shared with other servers, and stay when this one goes.

    Args:
        settings: Say where the cluster is and what its replicas are like.
        command: Of the process that talks to Ray.
    """

    def __init__(self, settings: Settings, command: Sequence[str] = COMMAND) -> None:
        self._settings = settings.cluster
        self._plan = Plan.of(settings)
        self._command = command
        self._pools = [
            _Pool(name, pool, settings.cluster.window_timeout_s, self._call)
            for name, pool in settings.cluster.pools.items()
        ]
        self._changed = threading.Condition()
        self._envoy: EnvoyProcess | None = None
        self._is_joined = False
        self._trouble: HayakoeError | None = None
        self._failures = 0
        self._is_closing = False
        self._hurry = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="hayakoe-cluster", daemon=True)

    def origin(self, phrases: PhraseCache, name: str, voice: NeuralVoice) -> Callable[[], Voice]:
        """What makes a voice, for ``TTS.load``."""
        return partial(self.voice, VoiceReference(name, voice.source), phrases)

    def voice(self, reference: VoiceReference, phrases: PhraseCache) -> RemoteVoice:
        """A voice; waits until a replica has opened it.

        Args:
            reference: Which.
            phrases: Remembers what it says.

        Raises:
            SourceError: The cluster cannot be joined now, or no replica is ready in time.
            VoiceError: The cluster does not take the replicas.
            BusyError: The server is stopping.
            HayakoeError: The replica cannot open the voice.
        """
        limit = time.monotonic() + self._settings.start_timeout_s
        self._wait_until_speaking(limit)
        (pool, *_) = self._speaking()
        with _as_unreachable():
            description = pool.describe(reference, max(1.0, limit - time.monotonic()))
        return RemoteVoice(reference, description, self._speaking, phrases, self._is_soon_speaking)

    def renew(self, name: str, voice: NeuralVoice, *, update: bool) -> None:
        """Have all replicas make a voice anew; waits until they have.

        Raises:
            SourceUnreachable: The cluster is not there, or not all replicas are done in time.
            HayakoeError: A replica cannot make the voice; there it stays as it was.
        """
        reference = VoiceReference(name, voice.source)
        pools = [pool for pool in self._speaking() if pool.replicas]
        if not pools:
            raise SourceUnreachable("the cluster is not there")
        with _as_unreachable():
            for pool in pools:
                pool.renew(reference, self._settings.start_timeout_s, update=update)

    def close(self) -> None:
        """Leave the cluster, and let nobody wait for it any more; the second time does nothing."""
        with self._changed:
            self._is_closing = True
            if self._envoy is not None:
                self._envoy.hang_up()
            self._changed.notify_all()
        self._hurry.set()
        if self._keeper.ident is not None:
            self._keeper.join(_FAREWELL_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_until_speaking(self, limit: float) -> None:
        with self._changed:
            if self._keeper.ident is None and not self._is_closing:
                self._keeper.start()
            self._hurry.set()
            failures = self._failures
            while True:
                if self._is_closing:
                    raise BusyError("the server is stopping")
                if any(pool.replicas for pool in self._speaking()):
                    return
                if self._failures > failures and self._trouble is not None:
                    raise self._trouble
                if time.monotonic() > limit:
                    raise SourceUnreachable(
                        f"no replica was ready within {self._settings.start_timeout_s:g} s",
                        hint="`serve status` and `ray status` on a node of the cluster tell why",
                    )
                self._changed.wait(_WAIT_S)

    def _is_soon_speaking(self) -> bool:
        """Wait until a replica can be asked, as long as one may be silent; returns whether one can.

        Nobody waits any longer than until joining the cluster has failed.
        """
        with suppress(HayakoeError):
            self._wait_until_speaking(time.monotonic() + self._settings.window_timeout_s)
            return True
        return False

    def _speaking(self) -> Sequence[_Pool]:
        """The pools to ask: those that can speak first."""
        envoy = self._envoy if self._is_joined else None
        if envoy is None:
            return ()
        for pool in self._pools:
            pool.replicas = envoy.replicas.get(pool.name, 0)
        return sorted(self._pools, key=lambda pool: not pool.replicas)

    def _call(
        self,
        pool: str,
        method: Method,
        silence_s: float,
        **arguments: Any,  # noqa: ANN401
    ) -> Generator[Any]:
        envoy = self._envoy
        if envoy is None:
            raise ReplicaLost("the cluster is not there")
        return envoy.call(pool, method, silence_s, **arguments)

    # In the thread

    def _keep(self) -> None:
        """Be joined, as far as that depends on us."""
        pause_s = FIRST_PAUSE_S
        while True:
            self._hurry.clear()
            if self._stay_joined():
                pause_s = FIRST_PAUSE_S
            if self._is_closing:
                return
            self._hurry.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _stay_joined(self) -> bool:
        """Join, and return when that was in vain or the cluster is lost; returns which."""
        trouble: HayakoeError = SourceUnreachable("the Ray cluster does not answer any more")
        has_joined = False
        try:
            with closing(EnvoyProcess(self._plan, self._command)) as envoy, self._used(envoy):
                envoy.wait_until_joined(JOIN_S)
                has_joined = self._is_joined = True
                _LOG.info("the Ray cluster is joined")
                envoy.wait_until_lost(LOST_S)
        except HayakoeError as error:
            trouble = error
        except OSError as error:
            trouble = SourceUnreachable(f"cannot begin the process that talks to Ray: {error}")
        with self._changed:
            # Said once, not with every attempt.
            if not self._is_closing and (has_joined or str(trouble) != str(self._trouble)):
                _LOG.warning("%s; it is tried again and again", trouble)
            self._trouble = trouble
            self._failures += not has_joined
            self._changed.notify_all()
        return has_joined

    @contextmanager
    def _used(self, envoy: EnvoyProcess) -> Iterator[None]:
        """Let the envoy be asked."""
        with self._changed:
            self._envoy = envoy
            if self._is_closing:
                envoy.hang_up()
        try:
            yield
        finally:
            with self._changed:
                self._envoy = None
                self._is_joined = False


class _Pool:
    """A pool whose replicas may be asked, as ``Asks``.

    Attributes:
        name: Of the pool.
        replicas: How many can speak, as far as is known.
    """

    def __init__(
        self,
        name: str,
        pool: Pool,
        window_timeout_s: float,
        call: Callable[..., Generator[Any]],
    ) -> None:
        self.name = name
        self.replicas = 0
        self._settings = pool
        self._window_timeout_s = window_timeout_s
        self._call = partial(call, name)
        self._lock = threading.Lock()
        self._sentences = 0

    def ask(self, sentence: Sentence) -> Iterator[MadeWindow]:
        """Have a sentence spoken."""
        with (
            self._place(sentence.priority),
            closing(self._call("speak", self._window_timeout_s, sentence=sentence)) as windows,
        ):
            yield from windows

    def measure(self, sentence: Sentence) -> Delivery:
        """Have a sentence measured."""
        timeout_s = self._window_timeout_s
        arguments = {"sentence": sentence, "timeout_s": timeout_s}
        delivery: Delivery
        (delivery,) = self._call("measure", timeout_s + _FAREWELL_S, **arguments)
        return delivery

    def describe(self, reference: VoiceReference, timeout_s: float) -> Description:
        """What a replica says of a voice, when it has opened it."""
        arguments = {"voice": reference, "timeout_s": timeout_s}
        description: Description
        (description,) = self._call("describe", timeout_s + _FAREWELL_S, **arguments)
        return description

    def renew(self, reference: VoiceReference, timeout_s: float, *, update: bool) -> None:
        """Have all replicas make a voice anew."""
        arguments = {"voice": reference, "timeout_s": timeout_s, "update": update}
        for _ in self._call("renew", timeout_s + _FAREWELL_S, **arguments):
            pass

    @contextmanager
    def _place(self, priority: int) -> Iterator[None]:
        """One for a sentence; there is always one for an alarm."""
        pool = self._settings
        most = max(1, self.replicas) * pool.sentences + pool.max_queued
        with self._lock:
            if self._sentences >= most and priority != Priority.ALARM:
                raise BusyError("the cluster is busy", hint="try again in a moment")
            self._sentences += 1
        try:
            yield
        finally:
            with self._lock:
                self._sentences -= 1


@contextmanager
def _as_unreachable() -> Iterator[None]:
    """Who prepares a voice tries again later if the cluster was lost meanwhile."""
    try:
        yield
    except ReplicaLost as error:
        raise SourceUnreachable(f"the Ray cluster was lost: {error}") from error
