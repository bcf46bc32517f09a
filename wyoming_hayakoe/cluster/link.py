"""What a server and the process that talks to Ray for it say to each other."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from wyoming_hayakoe.cluster.plan import Plan

Method: TypeAlias = Literal["speak", "measure", "describe", "renew"]


@dataclass(frozen=True, slots=True)
class Call:
    """Something to be done by the replicas of a pool.

    Attributes:
        number: What comes of it has the same.
        pool: Name of the pool.
        method: What is to be done.
        arguments: Of the method of ``ReplicaPool``, by name.
    """

    number: int
    pool: str
    method: Method
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody wants to know any more what comes of a call."""

    number: int


@dataclass(frozen=True, slots=True)
class Result:
    """What has come of a call.

    Attributes:
        number: Of the call.
        value: The next of several, or the only one; an error is the last.
        is_last: Whether nothing more will come; then there is no value, unless it is an error.
    """

    number: int
    value: Any
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """The cluster has been joined, and answers.

    Attributes:
        replicas: How many can speak now, by pool.
    """

    replicas: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Failed:
    """The cluster could not be joined; nothing more will come."""

    error: Exception


Order: TypeAlias = Call | Cancel
News: TypeAlias = Result | Running | Failed


class Sender:
    """One end of a connection, for any number of threads that send.

    Args:
        connection: Somebody else receives from it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: Plan | Order | News) -> bool:
        """Send it; returns whether anybody is there."""
        try:
            with self._lock:
                self._connection.send(message)
        except OSError:
            return False
        return True
