"""The HTTP server: listens, admits connections, stops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from hayakoe_engine.errors import ConfigError
from wyoming_hayakoe.address import TcpAddress
from wyoming_hayakoe.http.app import build_app

if TYPE_CHECKING:
    from hayakoe_engine.tts import TTS
    from wyoming_hayakoe.http_settings import HttpSettings
    from wyoming_hayakoe.speech import Speech

_LINGER_S: Final = 1.0


class HttpServer:
    """Serves HTTP clients.

    Args:
        speech: Who speaks.
        tts: The engine, for readings and the dictionary.
        settings: Addresses, limits and who may ask.
    """

    def __init__(self, speech: Speech, tts: TTS, settings: HttpSettings) -> None:
        self._settings = settings
        self._app = build_app(speech, tts, settings)
        self._runner: web.AppRunner | None = None

    async def start(self) -> list[TcpAddress]:
        """Listen.

        Returns:
            The addresses in use, with the ports that were found if none were asked for.

        Raises:
            ConfigError: An address cannot be used.
        """
        self._runner = web.AppRunner(
            self._app,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=self._settings.idle_close_s,
            lingering_time=_LINGER_S,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(f"http.port: {error}") from error
        return [TcpAddress(*self._runner.addresses[0][:2])]

    async def stop(self, grace_s: float = 0.0) -> None:
        """Accept nobody any more, and let what is being answered end.

        Args:
            grace_s: Time that it may take at most.
        """
        if self._runner is not None:
            await asyncio.wait_for(self._runner.cleanup(), grace_s + 5.0)
