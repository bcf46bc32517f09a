"""Joining a Ray cluster, and leaving it."""

from __future__ import annotations

import logging
import signal
import threading

import ray

from hayakoe_engine.errors import SourceUnauthorized, SourceUnreachable
from wyoming_hayakoe.cluster.knocking import knock


def join(address: str) -> None:
    """Make this process a part of a cluster.

    Args:
        address: ``HOST:PORT`` of its head, or ``auto`` for the one that this machine is a node of.

    Raises:
        SourceUnreachable: There is none, now.
        SourceUnauthorized: It does not let us in.
    """
    knock(address)
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    for name in ("ray", "ray.data", "ray.serve"):  # it tells much, and warns of what is meant so
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        ray.init(
            address=address,
            namespace="hayakoe",
            log_to_driver=False,
            configure_logging=False,
            ignore_reinit_error=True,
        )
    except ray.exceptions.AuthenticationError as error:
        raise SourceUnauthorized(
            f"the Ray cluster {address} does not let us in: {error}",
            hint="give this server its token: RAY_AUTH_TOKEN or ~/.ray/auth_token",
        ) from error
    except Exception as error:
        raise SourceUnreachable(
            f"cannot join the Ray cluster {address}: {error}",
            hint="this machine must be one of its nodes (`ray start --address=HOST:PORT`) and have "
            "its token (RAY_AUTH_TOKEN or ~/.ray/auth_token)",
        ) from error
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)


def leave() -> None:
    """Be no part of it any more."""
    ray.shutdown()
