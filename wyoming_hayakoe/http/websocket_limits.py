"""What one WebSocket client may do, and what it is told when it does more."""

from __future__ import annotations

from dataclasses import dataclass

from hayakoe_engine.errors import HayakoeError, RequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketLimits:
    """What one client may do, and how long things may take.

    Attributes:
        max_message_bytes: Of one message.
        messages_per_s: Messages are read no faster than this; more of them wait.
        burst: So many may come at once before that.
        max_waiting: Utterances of one connection that are not spoken to their end.
        keepalive_s: Time between two signs of life.
        heartbeat_s: Time between two pings, and twice what a pong may take.
        config_s: Time that a client has to show its key.
        idle_close_s: A connection on which nothing is said this long is closed.
        write_stall_s: A client that takes nothing for this long is given up.
    """

    max_message_bytes: int = 262_144
    messages_per_s: float = 200.0
    burst: int = 500
    max_waiting: int = 16
    keepalive_s: float = 5.0
    heartbeat_s: float = 20.0
    config_s: float = 10.0
    idle_close_s: float = 300.0
    write_stall_s: float = 30.0


class NotConfigured(RequestError):
    """Text came before the first ``config``."""

    code = "not-configured"


class ShuttingDown(HayakoeError):
    """The server stops."""

    code = "shutting-down"


class IdleTimeout(HayakoeError):
    """Nothing happened for too long."""

    code = "timeout"
