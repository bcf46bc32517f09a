"""The settings of a cluster of engines."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from wyoming_hayakoe.setting_types import Name, Section, none_as_empty

_ADDRESS: Final = re.compile(r"auto|([A-Za-z0-9_.-]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}")


def _check_address(address: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"must be auto or HOST:PORT of the head of a cluster, not {address!r}")
    return address


ClusterAddress = Annotated[str, AfterValidator(_check_address)]


class Pool(Section):
    """Replicas of one kind: on what they run, and how many there may be."""

    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """What they compute on."""
    cpus: float = Field(1.0, gt=0, le=1024)
    """CPUs that a replica takes of its node; it works in as many threads."""
    gpus: float = Field(0.0, ge=0, le=64)
    """GPUs that a replica takes of its node, also parts of one."""
    resource: Name | None = None
    """A Ray resource that a node must have for it, besides CPUs and GPUs."""
    min_replicas: int = Field(1, ge=1, le=1000)
    """Replicas when there is nothing to do."""
    max_replicas: int = Field(4, ge=1, le=1000)
    """Replicas when there is much to do."""
    max_replicas_per_node: int | None = Field(None, ge=1, le=100)
    """Replicas on one node; as many as fit if absent."""
    sentences: int = Field(2, ge=1, le=1000)
    """Sentences that a replica speaks at once. Where more are waiting, replicas are added."""
    max_queued: int = Field(64, ge=1, le=100_000)
    """Sentences of this server that may wait; another one goes to the next pool."""


class ClusterSettings(Section):
    """Neural voices on other machines, by Ray Serve."""

    address: ClusterAddress | None = None
    """The Ray cluster: `auto` for the one this machine belongs to, or `HOST:PORT` of its head.
    Without one, voices speak in this process."""
    pools: Annotated[dict[Name, Pool], BeforeValidator(none_as_empty)] = Field(
        {"cpu": Pool()}, min_length=1, max_length=16
    )
    """Replicas by kind, the preferred kind first."""
    voices_per_replica: int = Field(4, ge=1, le=1000)
    """Voices that a replica holds; the one not used for longest makes place for another."""
    sentences: int = Field(32, ge=1, le=1000)
    """Sentences of this server that replicas speak at once; others wait for their turn."""
    window_timeout_s: float = Field(10.0, ge=0.1, le=600)
    """A replica from which nothing comes for this long is given up."""
    start_timeout_s: float = Field(600.0, ge=1, le=86_400)
    """Time that the first replicas may take to install and open their voices."""
