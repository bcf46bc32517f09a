"""Checks the installation and says what to do."""

from __future__ import annotations

import asyncio
import errno
import os
import platform
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal

from wyoming.client import AsyncClient
from wyoming.info import Describe, Info, TtsProgram

from hayakoe_engine.audio import Audio
from hayakoe_engine.errors import ConfigError, HayakoeError
from wyoming_hayakoe import __version__
from wyoming_hayakoe.address import StdioAddress, TcpAddress, UnixAddress
from wyoming_hayakoe.app import build_engine, build_voices, prepare_voices
from wyoming_hayakoe.discovery import (
    default_instance_name,
    interface_addresses,
    reachable_addresses,
)
from wyoming_hayakoe.info import PROGRAM
from wyoming_hayakoe.listening import open_socket
from wyoming_hayakoe.output import PLAYERS, find_player

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wyoming_hayakoe.settings import Settings
    from wyoming_hayakoe.voices import Choice

_SENTENCE: Final = "お風呂が沸きました。"
_PACKAGES: Final = (
    "aiohttp",
    "prometheus-client",
    "pyopenjtalk-plus",
    "onnxruntime",
    "numpy",
    "soundfile",
    "soxr",
    "wyoming",
    "zeroconf",
)
_PATIENCE_S: Final = 3.0
_SLOW_START_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        verdict: ``ok``, ``note`` for what still works, ``FAIL`` for what does not.
        message: What is the case.
        advice: What to do about it.
    """

    verdict: Literal["ok", "note", "FAIL"]
    message: str
    advice: str | None = None


def examine(settings: Settings) -> bool:
    """Run all checks and print what they find; returns whether everything works."""
    healthy = True
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _check_packages,
        _check_voices,
        _check_address,
        _check_http,
        _check_network,
        _check_player,
    )
    for check in checks:
        for finding in check(settings):
            print(f"{finding.verdict:4}  {finding.message}")
            if finding.advice:
                print(f"      → {finding.advice}")
            healthy = healthy and finding.verdict != "FAIL"
    print("Everything works." if healthy else "Something does not work; see FAIL above.")
    return healthy


def _check_packages(settings: Settings) -> Iterator[Finding]:
    cpus = len(os.sched_getaffinity(0))
    yield Finding(
        "ok",
        f"wyoming-hayakoe {__version__}, Python {platform.python_version()} in {sys.prefix}, "
        f"{platform.machine()}, {cpus} CPUs",
    )
    for package in _PACKAGES:
        try:
            version(package)
        except PackageNotFoundError:
            yield Finding(
                "FAIL", f"package {package} is missing", "install wyoming-hayakoe again with pip"
            )
    if settings.voices and find_spec("onnx") is None:
        yield Finding(
            "note",
            "package onnx is missing: a neural voice that is not installed yet speaks as it was "
            "published, slower",
            "pip install 'wyoming-hayakoe[install]'",
        )


def _check_voices(settings: Settings) -> Iterator[Finding]:
    begun = time.perf_counter()
    took_s: dict[str, float] = {}
    # Whoever only looks what is wrong does not want to download a gigabyte.
    offline = settings.model_copy(update={"offline": True})
    try:
        with build_engine(offline) as tts:
            for voice in prepare_voices(tts, settings):
                took_s[voice.name] = voice.took_s
                if voice.failure is not None:
                    yield Finding(
                        "FAIL",
                        f"voice {voice.name} is not there: {voice.failure}",
                        voice.failure.hint or f"correct the setting voices.{voice.name}",
                    )
            voices = build_voices(tts, settings)
            embedded_s = time.perf_counter() - begun - sum(took_s.values())
            default = voices.default.speaker
            patience_s = settings.fallback.deadline_s if settings.fallback.enabled else None
            ready_s = took_s.get(default.info.name, embedded_s)
            yield from _listen(voices.default, ready_s, patience_s)
            for name, ready_s in took_s.items():
                if name in tts.speakers and tts.speakers[name] is not default:
                    yield from _listen(voices.find(name), ready_s, patience_s)
    except ConfigError as error:
        yield Finding("FAIL", str(error), "correct the setting")
    except (HayakoeError, OSError) as error:
        yield Finding("FAIL", f"the voice cannot speak: {error}", "install wyoming-hayakoe again")


def _listen(choice: Choice, ready_s: float, patience_s: float | None) -> Iterator[Finding]:
    """Hear a voice; after ``patience_s`` a server would let the embedded one speak."""
    begun = time.perf_counter()
    windows = choice.speaker.stream(_SENTENCE, choice.options, remember="no")
    first = next(windows)
    heard = time.perf_counter()
    audio = Audio.concatenate([first, *windows], first.sample_rate_hz)
    spoken = time.perf_counter()
    yield Finding(
        "ok",
        f"voice {choice.name} speaks: ready in {ready_s:.1f} s, first sound after "
        f"{(heard - begun) * 1000:.0f} ms, {(spoken - begun) / audio.duration_s:.2f} s of work "
        "for a second of speech (first sentence)",
    )
    if ready_s > _SLOW_START_S:
        yield Finding(
            "note",
            f"voice {choice.name} takes long to be ready; until then the embedded voice speaks",
            "the first start on a machine makes copies for its CPU; if it is the same every time, "
            "is the cache (setting cache or machine_cache) writable and on a fast disk?",
        )
    if patience_s is not None and heard - begun > patience_s:
        yield Finding(
            "note",
            f"voice {choice.name} is heard later than fallback.deadline_s ({patience_s:g} s), so "
            "that the embedded voice would speak in its place",
            "allow more time there, or take a faster precision (neural.precision) or voice",
        )
    if spoken - begun > audio.duration_s:
        yield Finding(
            "note",
            f"voice {choice.name} needs longer to make speech than to say it: long texts stutter",
            "`wyoming-hayakoe bench` tells what to expect; `prerender` makes texts ahead",
        )


def _check_address(settings: Settings) -> Iterator[Finding]:
    address = settings.wyoming.address
    if isinstance(address, StdioAddress):
        yield Finding("ok", "serves standard input and output")
        return
    try:
        sock = open_socket(address)
    except OSError as error:
        programs = asyncio.run(_who_is_there(address))
        if any(program.name == PROGRAM for program in programs):
            yield Finding("ok", f"{address} is served already, by {_names(programs)}")
            return
        holder = f" by {_names(programs)}" if programs else ""
        is_taken = error.errno == errno.EADDRINUSE
        # socket.create_server appends the address once more.
        reason = (error.strerror or str(error)).partition(" (while")[0]
        yield Finding(
            "FAIL",
            f"cannot listen on {address}: {reason}{holder}",
            ("stop the other program or " if is_taken else "")
            + "choose another address: `serve --uri` or the setting wyoming.uri",
        )
    else:
        sock.close()
        if isinstance(address, UnixAddress):
            address.path.unlink(missing_ok=True)
        yield Finding("ok", f"{address} is free; nothing is served there now")


def _check_http(settings: Settings) -> Iterator[Finding]:
    http = settings.http
    if not http.enabled:
        yield Finding("ok", "HTTP: not served, for http.enabled is false")
        return
    from wyoming_hayakoe.http.server import check_access  # noqa: PLC0415

    try:
        check_access(http)
    except ConfigError as error:
        yield Finding("FAIL", f"HTTP: {error}", error.hint or "correct the setting")
        return
    address = TcpAddress(http.host, http.port)
    try:
        open_socket(address).close()
    except OSError as error:
        if _is_ours(address):
            yield Finding("ok", f"HTTP: {PROGRAM} answers at {address} already")
            return
        reason = (error.strerror or str(error)).partition(" (while")[0]
        yield Finding(
            "FAIL",
            f"HTTP: {address} cannot be listened on: {reason}",
            "stop the other program or choose another port: the setting http.port; "
            "http.enabled=false does without",
        )
    else:
        yield Finding("ok", f"HTTP: {address} can be listened on")


def _is_ours(address: TcpAddress) -> bool:
    """Whether it is this program that answers there."""
    host = address.host if _has_host(address) else "127.0.0.1"
    connection = HTTPConnection(host, address.port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        return answer.headers.get("Server") == "wyoming-hayakoe"
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


async def _who_is_there(address: TcpAddress | UnixAddress) -> list[TtsProgram]:
    """Programs that the Wyoming server at an address has; none if there is none."""
    if isinstance(address, TcpAddress) and not _has_host(address):
        address = TcpAddress("::1" if address.host == "::" else "127.0.0.1", address.port)
    try:
        async with (
            asyncio.timeout(_PATIENCE_S),
            AsyncClient.from_uri(str(address)) as client,
        ):
            await client.write_event(Describe().event())
            event = await client.read_event()
        if event is None or not Info.is_type(event.type):
            return []
        return Info.from_event(event).tts
    except Exception:  # noqa: BLE001 - whoever is there may answer anything
        return []


def _names(programs: Iterable[TtsProgram]) -> str:
    return ", ".join(f"{program.name} {program.version or ''}".rstrip() for program in programs)


def _check_network(settings: Settings) -> Iterator[Finding]:
    address = settings.wyoming.address
    if not settings.zeroconf.enabled or not isinstance(address, TcpAddress):
        yield Finding("note", "not announced by zeroconf; add the server by hand in Home Assistant")
        return
    if _has_host(address):
        ips = [address.host]
        where = "the server listens on loopback only"
        advice = f"tcp://0.0.0.0:{address.port} listens on all interfaces"
    else:
        try:
            present = interface_addresses()
        except OSError as error:
            yield Finding("note", f"the network's addresses are unknown: {error}")
            return
        ips = [str(a.ip) for a in reachable_addresses(present, ipv6=address.host in ("", "::"))]
        where = "there is no network interface but loopback"
        advice = "connect the machine to the network; the server notices by itself"
    if all(ip.startswith("127.") or ip in ("::1", "localhost") for ip in ips):
        yield Finding("note", f"{where}: Home Assistant on another machine cannot connect", advice)
    else:
        yield Finding(
            "ok",
            f"announced by zeroconf at {', '.join(ips)}, port {address.port}, "
            f"as {settings.zeroconf.name or default_instance_name(address.port)!r}",
            "if a firewall runs, it must let this port and UDP port 5353 through",
        )


def _check_player(_: Settings) -> Iterator[Finding]:
    player = find_player()
    if player is None:
        names = ", ".join(player[0] for player in PLAYERS)
        yield Finding(
            "note",
            "no audio player: `say` can only write files here (the server needs none)",
            f"install one of {names} to hear it",
        )
    else:
        yield Finding("ok", f"`say` plays through {player[0]}")


def _has_host(address: TcpAddress) -> bool:
    return address.host not in ("", "::", "0.0.0.0")  # noqa: S104 - compared, not bound
