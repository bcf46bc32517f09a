"""The HTTP server: listens, admits connections, stops."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from hayakoe_engine.errors import ConfigError
from wyoming_hayakoe.address import TcpAddress
from wyoming_hayakoe.http.access import INGRESS, Keys
from wyoming_hayakoe.http.app import build_app
from wyoming_hayakoe.http.connections import CONNECTIONS
from wyoming_hayakoe.http.keys import STOPPING
from wyoming_hayakoe.listening import BACKLOG, open_socket

if TYPE_CHECKING:
    from hayakoe_engine.tts import TTS
    from wyoming_hayakoe.http.operation import ServerFacts
    from wyoming_hayakoe.http_settings import HttpSettings
    from wyoming_hayakoe.metrics import Metrics
    from wyoming_hayakoe.speech import Speech
    from wyoming_hayakoe.voice_library import VoiceLibrary

_LOG = logging.getLogger(__name__)


_SEND_BUFFER_BYTES: Final = 256 << 10
_LINGER_S: Final = 1.0
_POLL_S: Final = 0.02
_GOODBYE_S: Final = 0.5
_MAX_LINE_BYTES: Final = 65_536
"""Of a request. Some clients send a whole text in its address, three times as long encoded."""
_ALL_IPV4: Final = "0.0.0.0"  # noqa: S104 - it answers trusted proxies only


class HttpServer:
    """Serves HTTP clients.

    Args:
        speech: Who speaks.
        tts: The engine, for readings and the dictionary.
        settings: Addresses, limits and who may ask.
        library: Voices that come and go, if they do.
        metrics: What is measured, if anything is.
        facts: What `/health` tells.
    """

    def __init__(
        self,
        speech: Speech,
        tts: TTS,
        settings: HttpSettings,
        *,
        library: VoiceLibrary | None = None,
        metrics: Metrics | None = None,
        facts: ServerFacts | None = None,
    ) -> None:
        self._settings = settings
        self._build = partial(
            build_app, speech, tts, settings, library=library, metrics=metrics, facts=facts
        )
        self._app: web.Application | None = None
        self._runner: web.AppRunner | None = None
        self._listeners: list[asyncio.Server] = []
        self._watching: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """Clients that are connected."""
        server = None if self._runner is None else self._runner.server
        return 0 if server is None else len(server.connections)

    async def start(self) -> list[TcpAddress]:
        """Listen.

        Returns:
            The addresses in use, with the ports that were found if none were asked for; the
            second one is that of ``ingress_port``.

        Raises:
            ConfigError: A setting does not fit the machine: a port in use, a file not there; or
                everybody could use the server without a key.
        """
        settings = self._settings
        self._app = await asyncio.to_thread(self._build)
        await asyncio.to_thread(check_access, settings)
        self._runner = web.AppRunner(
            self._app,
            access_log=None,
            logger=_ProtocolLog(_LOG),
            handler_cancellation=True,
            keepalive_timeout=settings.idle_close_s,
            lingering_time=_LINGER_S,
            shutdown_timeout=_GOODBYE_S,
            max_line_size=_MAX_LINE_BYTES,
        )
        await self._runner.setup()
        try:
            return await self._listen_everywhere(self._app, self._runner)
        except BaseException:
            await self.stop()
            raise

    async def stop(self, grace_s: float = 0.0) -> None:
        """Accept nobody any more, and let what is being answered end.

        Args:
            grace_s: Time that it may take.
        """
        if self._app is None or self._runner is None:
            return
        for listener in self._listeners:
            listener.close()
        self._app[STOPPING].set()
        if (server := self._runner.server) is not None:
            server.pre_shutdown()
            loop = asyncio.get_running_loop()
            deadline = loop.time() + grace_s
            # Many requests and no one event to wait for.
            while loop.time() < deadline and self._app[CONNECTIONS].busy:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await self._runner.cleanup()

    async def _listen_everywhere(
        self, app: web.Application, runner: web.AppRunner
    ) -> list[TcpAddress]:
        server = runner.server
        if server is None:  # cannot be: it is set up
            return []
        self._watching = asyncio.create_task(app[CONNECTIONS].watch(server))
        places = [("http.port", TcpAddress(self._settings.host, self._settings.port))]
        if self._settings.ingress_port is not None:
            ingress = TcpAddress(_ALL_IPV4, self._settings.ingress_port)
            places.append(("http.ingress_port", ingress))
        addresses = [await self._listen(app, server, *place) for place in places]
        if len(addresses) > 1:
            app[INGRESS].port = addresses[1].port
        return addresses

    async def _listen(
        self, app: web.Application, server: web.Server, setting: str, address: TcpAddress
    ) -> TcpAddress:
        try:
            sock = await asyncio.to_thread(open_socket, address)
        except (OSError, ValueError) as error:
            # socket.create_server appends the address once more.
            reason = (getattr(error, "strerror", None) or str(error)).partition(" (while")[0]
            raise ConfigError(
                f"{setting}: cannot listen on {address}: {reason}",
                hint="is another server running there? `wyoming-hayakoe doctor` tells",
            ) from error
        # Inherited by what is accepted. The kernel would take megabytes for a client that takes
        # nothing, and all of that would be spoken.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        admission = app[CONNECTIONS].admission(server)
        loop = asyncio.get_running_loop()
        self._listeners.append(await loop.create_server(admission, sock=sock, backlog=BACKLOG))
        return TcpAddress(address.host, sock.getsockname()[1])


class _ProtocolLog(logging.LoggerAdapter[logging.Logger]):
    """What aiohttp writes about connections: clients that speak no HTTP are everyday."""

    def exception(self, msg: object, *args: object, exc_info: object = True, **_: object) -> None:
        error = exc_info if isinstance(exc_info, BaseException) else sys.exception()
        if isinstance(error, HttpProcessingError | web.RequestPayloadError):
            self.debug("%s: %s", str(msg) % args, error)
        else:
            self.error(msg, *args, exc_info=error)


def check_access(settings: HttpSettings) -> None:
    """Refuse settings with which everybody could use the server, or nobody; it may block.

    Raises:
        ConfigError: They are such settings, or the file of keys is none.
    """
    if not Keys.of(settings).are_needed and not settings.allow_without_key:
        _check_loopback(settings.host)
    if settings.ingress_port is not None and not settings.trusted_proxies:
        raise ConfigError("http.ingress_port: http.trusted_proxies names nobody who could use it")


def _check_loopback(host: str) -> None:
    """Refuse addresses that other machines reach.

    Raises:
        ConfigError: It is one, or it is no address.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM) if host else []
    except OSError as error:
        raise ConfigError(f"http.host: there is no address {host!r}: {error.strerror}") from error
    if found and all(
        ip_address(str(place[0]).partition("%")[0]).is_loopback for *_, place in found
    ):
        return
    raise ConfigError(
        f"http.host: whoever reaches {host or 'this machine'} could use the server, for there is "
        "no key",
        hint="give it keys with http.api_keys, or set http.allow_without_key to true",
    )
