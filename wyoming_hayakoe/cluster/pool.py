"""Replicas of one kind, run by Ray Serve, as those who ask them see them."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from ray import serve
from ray.exceptions import RayTaskError
from ray.serve.exceptions import BackPressureError

from hayakoe_engine.errors import (
    BusyError,
    HayakoeError,
    InferenceFailed,
    SourceUnreachable,
    VoiceError,
)
from wyoming_hayakoe import __version__
from wyoming_hayakoe.cluster.remote_voice import ReplicaLost
from wyoming_hayakoe.cluster.replica import DRAIN_S, Replica

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ray.serve.handle import DeploymentHandle, DeploymentResponseGenerator

    from hayakoe_engine.text.delivery import Delivery
    from hayakoe_engine.window import MadeWindow
    from wyoming_hayakoe.cluster.sentence import Description, Recipe, Sentence, VoiceReference
    from wyoming_hayakoe.cluster_settings import Pool

UPSCALE_DELAY_S: Final = 3.0
DOWNSCALE_DELAY_S: Final = 300.0
_FINGERPRINT_S: Final = 60.0
_PORTION: Final = 0.001
"""Of a resource that only says which nodes are meant."""


def actor_options(pool: Pool) -> dict[str, Any]:
    """What a replica takes of its node, in Ray's words."""
    return {
        "num_cpus": pool.cpus,
        "num_gpus": pool.gpus,
        "resources": {} if pool.resource is None else {pool.resource: _PORTION},
    }


def deploy(pools: Iterable[ReplicaPool]) -> None:
    """Have the replicas of all pools run, on the cluster that has been joined.

    Raises:
        Exception: Whatever Ray has to say.
    """
    # Nobody but servers asks, so there is no need for Serve's own HTTP server.
    serve.start(proxy_location="Disabled", logging_config={"log_level": "WARNING"})
    for pool in pools:
        pool.deploy()


class ReplicaPool:
    """A pool as it is deployed. May be used from many threads at once.

    Args:
        name: Of the pool.
        pool: Its settings.
        recipe: What its replicas are made of.
        voices: Those that its replicas open when they start.
    """

    def __init__(
        self, name: str, pool: Pool, recipe: Recipe, voices: Sequence[VoiceReference]
    ) -> None:
        self.application = f"hayakoe-{name}"
        self._pool = pool
        self._recipe = recipe
        self._voices = voices[: recipe.max_voices]
        self._lock = threading.Lock()
        self._in_progress: Counter[str] = Counter()
        self._handle: DeploymentHandle[Replica] | None = None

    def deploy(self) -> None:
        """Have the replicas run, unless the same do already; does not wait for them.

        Raises:
            Exception: Whatever Ray has to say.
        """
        pool = self._pool
        if self._is_deployed():
            self._handle = serve.get_app_handle(self.application)
            return
        deployment = serve.deployment(Replica).options(
            name="replica",
            ray_actor_options=actor_options(pool),
            max_replicas_per_node=pool.max_replicas_per_node,
            # What waits, waits where it can be told who goes first; Serve itself cannot.
            max_ongoing_requests=self._recipe.max_sentences,
            max_queued_requests=pool.max_queued,
            user_config={"voices": [voice.key for voice in self._voices]},
            autoscaling_config={
                "min_replicas": pool.min_replicas,
                "max_replicas": max(pool.min_replicas, pool.max_replicas),
                "target_ongoing_requests": pool.sentences,
                "upscale_delay_s": UPSCALE_DELAY_S,
                "downscale_delay_s": DOWNSCALE_DELAY_S,
            },
            logging_config={"log_level": "WARNING", "enable_access_log": False},
            graceful_shutdown_timeout_s=DRAIN_S,
            health_check_period_s=2,
            health_check_timeout_s=10,
        )
        (self._handle,) = serve.run_many(
            [serve.RunTarget(deployment.bind(self._recipe), self.application, None)],
            wait_for_applications_running=False,
        )

    @property
    def running_replicas(self) -> int | None:
        """Replicas that can speak now; None if the cluster has forgotten the pool.

        Raises:
            Exception: Whatever Ray has to say.
        """
        application = serve.status().applications.get(self.application)
        if application is None:
            return None
        replicas: int = sum(
            deployment.replica_states.get("RUNNING", 0)
            for deployment in application.deployments.values()
        )
        return replicas

    def describe(self, voice: VoiceReference, timeout_s: float) -> Description:
        """Facts about a voice; waits until a replica has opened it.

        Raises:
            SourceUnreachable: No replica answers in time.
            VoiceError: It runs another version.
            HayakoeError: The replica cannot open the voice.
        """
        handle = self._deployed().options(multiplexed_model_id=voice.key)
        try:
            answer = handle.describe.remote(voice).result(timeout_s=timeout_s)
        except TimeoutError:
            raise SourceUnreachable(
                f"no replica of {self.application} was ready within {timeout_s:g} s",
                hint="`serve status` and `ray status` on the cluster tell why",
            ) from None
        except Exception as error:  # whatever Ray has to say
            raise VoiceError(f"{self.application}: {error}") from error
        description: Description = _checked(answer)
        if description.version != __version__:
            raise VoiceError(
                f"{self.application} runs version {description.version}, not {__version__}"
            )
        return description

    def renew(self, voice: VoiceReference, timeout_s: float, *, update: bool) -> None:
        """Have every replica that has a voice open make it anew, of what is there now.

        Until then, and if it cannot, it speaks as before.

        Args:
            voice: Which.
            timeout_s: Time for all of them.
            update: Whether its source is asked for what it has now.

        Raises:
            SourceUnreachable: Not all answer in time.
            HayakoeError: A replica cannot make it anew.
        """
        response = self._deployed().broadcast("renew", voice, update=update)
        try:
            answers = response.results(timeout_s=timeout_s)
        except TimeoutError:
            raise SourceUnreachable(
                f"{self.application}: not all replicas were done within {timeout_s:g} s"
            ) from None
        except Exception as error:  # whatever Ray has to say
            raise VoiceError(f"{self.application}: {error}") from error
        for answer in answers:
            _checked(answer)

    @contextmanager
    def speak(self, sentence: Sentence) -> Iterator[DeploymentResponseGenerator[MadeWindow]]:
        """Have a sentence spoken; what it gives may also be an error that a replica returns."""
        key = sentence.voice.key
        with self._lock:
            is_rare = self._in_progress[key] < self._pool.sentences
            self._in_progress[key] += 1
        # Where much is said with a voice, those may open it that have not.
        place = {"multiplexed_model_id": key} if is_rare else {}
        try:
            yield self._deployed().options(stream=True, **place).speak.remote(sentence)
        finally:
            with self._lock:
                self._in_progress[key] -= 1

    def measure(self, sentence: Sentence, timeout_s: float) -> Delivery:
        """Have a sentence measured.

        Raises:
            ReplicaLost: Whoever measured it is gone, or took too long.
            BusyError: Too many sentences are waiting already.
            HayakoeError: It cannot be measured.
        """
        handle = self._deployed().options(multiplexed_model_id=sentence.voice.key)
        try:
            answer = handle.measure.remote(sentence).result(timeout_s=timeout_s)
        except Exception as error:
            raise translated(error) from error
        delivery: Delivery = _checked(answer)
        return delivery

    def _deployed(self) -> DeploymentHandle[Replica]:
        if self._handle is None:
            raise VoiceError(f"{self.application} is not deployed")
        return self._handle

    def _is_deployed(self) -> bool:
        application = serve.status().applications.get(self.application)
        if application is None or application.status in {"DEPLOY_FAILED", "DELETING"}:
            return False
        # Where another server has just deployed them, this waits for the first.
        handle = serve.get_app_handle(self.application)
        try:
            fingerprint: str = handle.fingerprint.remote().result(timeout_s=_FINGERPRINT_S)
        except Exception:  # noqa: BLE001 - who cannot tell is replaced
            return False
        return fingerprint == self._recipe.fingerprint


def translated(error: BaseException) -> Exception:
    """What is meant by an error of Ray."""
    if isinstance(error, BackPressureError):
        return BusyError("the cluster is busy", hint="try again in a moment")
    if isinstance(error, RayTaskError):
        return InferenceFailed(f"a replica failed: {error.cause}")
    return ReplicaLost(f"{type(error).__name__}: {error}")


def _checked(answer: Any) -> Any:  # noqa: ANN401
    """What a replica has answered, unless that is an error."""
    if isinstance(answer, HayakoeError):
        raise answer
    return answer
