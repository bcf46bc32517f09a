"""The settings of the HTTP side."""

from __future__ import annotations

from pydantic import Field

from wyoming_hayakoe.setting_types import Section


class HttpSettings(Section):
    """The HTTP server: REST, WebSocket, OpenAI- and VOICEVOX-compatible API, metrics, a page."""

    enabled: bool = True
    """Whether to listen for HTTP at all."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(10_280, ge=0, le=65_535)
    """Port to listen on; 0 is any free one."""
