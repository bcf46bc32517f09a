"""The page in a real browser, served by the real server."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import threading
import urllib.request

import aiohttp
import numpy as np
import pytest
from aiohttp import web

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install playwright"
)

CHROMIUM = shutil.which("chromium")
HANG_S = 60.0
HANG_MS = HANG_S * 1000
KEY = "correct-horse-battery"
PREFIX = "/api/hassio_ingress/a-b_c"
TEXT = "お風呂が沸きました。"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium: apt-get install chromium fonts-noto-cjk"
)

LISTEN = """
window.reports = [];
const Original = window.AudioWorkletNode;
if (Original) {
  window.AudioWorkletNode = class extends Original {
    constructor(...all) {
      super(...all);
      this.port.addEventListener("message", ({ data }) => window.reports.push(data));
    }
  };
}
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) {
    window.tap = new AnalyserNode(this.context, { fftSize: 2048 });
    connect.call(this, window.tap);
  }
  return connect.call(this, to, ...rest);
};
window.peak = () => {
  if (!window.tap) return 0;
  const samples = new Float32Array(window.tap.fftSize);
  window.tap.getFloatTimeDomainData(samples);
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
};
"""
"""Tells a test what goes to the loudspeaker."""


class Server:
    """A process of ``wyoming-hayakoe serve``.

    Attributes:
        port: Of its HTTP side; the second one if it has two.
    """

    def __init__(self, folder, **settings):
        self._environment = {
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "HAYAKOE_WYOMING__URI": "tcp://127.0.0.1:0",
            "HAYAKOE_ZEROCONF__ENABLED": "false",
            "HAYAKOE_OFFLINE": "true",
            "HAYAKOE_HTTP__PORT": "0",
            **{f"HAYAKOE_HTTP__{name.upper()}": value for name, value in settings.items()},
        }
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports[0]}/"

    def start(self):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "wyoming_hayakoe", "serve"],
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        expected = 2 if "HAYAKOE_HTTP__INGRESS_PORT" in self._environment else 1
        self.ports = []
        log = []
        for line in self._process.stderr:
            log.append(line)
            if found := re.search(r"HTTP on http://\S+:(\d+)", line):
                self.ports.append(int(found[1]))
            if len(self.ports) == expected:
                break
            if "there is no HTTP side" in line:
                self._process.terminate()
        if len(self.ports) < expected:
            with self._process:
                pytest.fail("".join(log))
        self._reading = threading.Thread(target=self._process.stderr.read)
        self._reading.start()

    def stop(self):
        self._process.terminate()
        self._reading.join(HANG_S)
        with self._process:
            assert self._process.wait(HANG_S) == 0

    def sound(self, request):
        """The samples that the answer to a request of the page has."""
        again = urllib.request.Request(
            request.url, request.post_data_buffer, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(again, timeout=HANG_S) as answer:
            return np.frombuffer(answer.read(), "<i2")

    def restart(self):
        """Again, on the same port: pages that are open find it."""
        self.stop()
        self._environment["HAYAKOE_HTTP__PORT"] = str(self.ports[0])
        self.start()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("home"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def guarded_server(tmp_path_factory):
    """One that wants a key, but not from the proxy that is trusted."""
    server = Server(
        tmp_path_factory.mktemp("guarded"),
        api_keys=KEY,
        ingress_port="0",
        trusted_proxies="127.0.0.1",
    )
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ingress_url(guarded_server):
    """Where a proxy shows the server under a prefix."""
    address = f"http://127.0.0.1:{guarded_server.ports[1]}"

    client = None

    async def forward(request):
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        headers["X-Ingress-Path"] = PREFIX
        path = request.rel_url.raw_path_qs.removeprefix(PREFIX)
        body = await request.read()
        async with client.request(
            request.method, address + path, headers=headers, data=body, auto_decompress=False
        ) as answer:
            hop = {"Transfer-Encoding", "Connection"}
            sent = {name: value for name, value in answer.headers.items() if name not in hop}
            response = web.StreamResponse(status=answer.status, headers=sent)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        return response

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen():
        nonlocal client
        client = aiohttp.ClientSession(trust_env=False)
        app = web.Application()
        app.router.add_route("*", PREFIX + "/{path:.*}", forward)
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(listen(), loop).result(HANG_S)
    yield f"http://127.0.0.1:{runner.addresses[0][1]}{PREFIX}/"
    for part in (runner.cleanup, client.close):
        asyncio.run_coroutine_threadsafe(part(), loop).result(HANG_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(HANG_S)
    loop.close()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Opens pages: ``visit(url, width=390, locale="ja-JP", before="…script…")``."""
    contexts, complaints = [], []

    def visit(url, *, width=1280, locale="en-US", before="", scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, locale=locale, color_scheme=scheme
        )
        context.set_default_timeout(HANG_MS)
        contexts.append(context)
        page = context.new_page()
        page.complaints = complaints
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        page.add_init_script(before + LISTEN)
        page.goto(url)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not complaints


def write(page, text):
    """Enter a text; returns when its reading is there."""
    page.fill("#text", text)
    page.wait_for_selector(f'.sentence[aria-label^="{text[:5]}"]')


def until(page, condition):
    """Wait for a condition; strings for Playwright's own need what the page's policy forbids."""
    for _ in range(int(HANG_S * 50)):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    pytest.fail(f"never came true: {condition}")


def reports(page, kind):
    return [one for one in page.evaluate("reports") if one["type"] == kind]


def state(page):
    return page.inner_text("#speech-state")


def speak(page):
    """Press the button; returns what the server is asked for."""
    with page.expect_request("**/synthesize/stream") as caught:
        page.click("#speak")
    return caught.value


def hear(page):
    """Speak; returns how many samples were heard when it is over."""
    page.evaluate("reports.length = 0")
    speak(page)
    until(page, "reports.some(({ type }) => type === 'ended')")
    return reports(page, "ended")[0]["played"]


def test_a_text_is_typed_and_heard_without_gaps(server, visit):
    page = visit(server.url)
    page.fill("#text", "")
    page.locator("#text").press_sequentially(TEXT)
    page.get_by_role("button", name=re.compile("風呂.*フロ")).wait_for()
    flat = page.evaluate("waveform.toDataURL()")
    request = speak(page)
    until(page, "peak() > 0.05")
    first = page.evaluate("waveform.toDataURL()")
    until(page, f"waveform.toDataURL() !== {first!r}")
    assert first != flat
    assert state(page) == "Speaking…"
    until(page, "reports.some(({ type }) => type === 'ended')")
    (ended,) = reports(page, "ended")
    assert ended["played"] == len(server.sound(request)), "every sample is played"
    assert ended["missing"] == ended["gaps"] == 0
    assert page.inner_text("#gaps") == "0"
    assert page.inner_text("#first-audio").endswith(" ms")
    assert float(page.inner_text("#rtf")) > 0
    assert state(page) == "Finished."
    page.get_by_role("button", name=f"Play again: {TEXT}").click()
    until(page, "reports.filter(({ type }) => type === 'ended').length === 2")
    assert reports(page, "ended")[1]["played"] == ended["played"]


def test_stop_stops_at_once(server, visit):
    page = visit(server.url)
    write(page, TEXT)
    page.click("#speak")
    until(page, "peak() > 0.05")
    page.keyboard.press("Escape")
    until(page, "reports.some(({ type }) => type === 'stopped')")
    heard = page.evaluate("reports")
    last, stopped = [one["played"] for one in heard if one["type"] != "playing"][-2:]
    assert (stopped - last) / 48_000 < 0.1
    until(page, "peak() === 0")
    assert state(page) == "Stopped."
    assert page.is_disabled("#stop")


def test_fast_repeats_never_overlap(server, visit):
    page = visit(server.url)
    write(page, "はい。")
    page.evaluate("for (let count = 0; count < 6; count += 1) speak.click()")
    page.dblclick("#speak")
    until(page, "reports.some(({ type }) => type === 'ended')")
    page.wait_for_timeout(300)
    heard = page.evaluate("reports")
    order = [one["generation"] for one in heard]
    assert order == sorted(order), "nothing is heard of what has been replaced"
    assert len(reports(page, "ended")) == 1


def test_a_corrected_reading_is_heard_and_stays(server, visit):
    text = "御幸です。"
    page = visit(server.url)
    write(page, text)
    before = hear(page)
    with page.expect_request("**/synthesize/stream"):
        page.get_by_role("button", name="御幸 read").click()  # it is heard as well
    page.fill("#word-kana", "みさきち")
    page.get_by_role("radio", name="after サ").check(force=True)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name="Save to the dictionary").click()
    corrected = page.get_by_role("button", name=re.compile("御幸.*ミサキチ"))
    corrected.wait_for()
    assert hear(page) > before
    page.close()
    server.restart()
    page = visit(server.url)
    write(page, text)
    page.get_by_role("button", name=re.compile("御幸.*ミサキチ")).click()
    page.get_by_role("button", name="Remove from the dictionary").click()
    corrected = page.get_by_role("button", name=re.compile("御幸.*ミサキチ"))
    corrected.wait_for(state="detached")


def test_behind_a_prefix_everything_is_found(ingress_url, visit):
    page = visit(ingress_url)
    write(page, TEXT)
    speak(page)
    until(page, "reports.some(({ type }) => type === 'ended')")
    assert page.inner_text("#server-state") == "Ready"
    assert page.inner_text("#metrics dd:first-of-type")


def test_a_key_is_asked_for_once(guarded_server, visit):
    page = visit(guarded_server.url)
    page.fill("#key", KEY)
    page.get_by_role("button", name="Use this key").click()
    page.wait_for_selector("button.word")
    page.reload()
    page.wait_for_selector("button.word")
    assert not page.is_visible("#key")
    # The browser itself reports refused requests.
    page.complaints[:] = [one for one in page.complaints if "401" not in one]


@pytest.mark.parametrize(
    "lacking",
    ["delete window.AudioWorkletNode;", "delete AudioContext.prototype.audioWorklet;"],
)
def test_without_a_worklet_it_streams_all_the_same(server, visit, lacking):
    page = visit(server.url, before=lacking)
    write(page, "はい。")
    speak(page)
    until(page, "peak() > 0.05")
    page.get_by_text("Finished.").wait_for()
    assert page.inner_text("#gaps") == "0"


def test_without_streams_the_browsers_player_plays(server, visit):
    page = visit(server.url, before="delete window.AudioContext;")
    write(page, "はい。")
    page.click("#speak")
    until(page, "document.querySelector('audio').currentTime > 0")
    assert page.is_visible("#plain-player")
    page.get_by_text("Finished.").wait_for()


@pytest.mark.parametrize("audio_format", ["WAV", "MP3"])
def test_the_sound_can_be_saved(server, visit, audio_format):
    page = visit(server.url)
    write(page, "保存します。")
    with page.expect_download() as caught:
        page.get_by_role("button", name=f"Save {audio_format}").click()
    assert caught.value.suggested_filename == f"保存します.{audio_format.lower()}"
    content = caught.value.path().read_bytes()
    assert content.startswith(b"RIFF" if audio_format == "WAV" else (b"ID3", b"\xff"))


@pytest.mark.parametrize(
    ("width", "locale", "scheme", "button"),
    [
        (390, "ja-JP", "light", "再生"),
        (390, "en-US", "dark", "Speak"),
        (1280, "ja-JP", "dark", "再生"),
    ],
)
def test_both_languages_fit_on_phones_and_desks(server, visit, width, locale, scheme, button):
    page = visit(server.url, width=width, locale=locale, scheme=scheme)
    write(
        page,
        "東京特許許可局の局長は今日急遽休暇許可を拒否しました。https://example.com/aaaaaaaaaaaaaaaaaaaa",
    )
    assert page.get_by_role("button", name=button, exact=True).is_visible()
    fits = "document.documentElement.scrollWidth <= innerWidth"
    page.click("summary")
    assert page.evaluate(fits)
    page.locator("button.word").first.click()
    assert page.evaluate(fits)
    assert page.evaluate(
        "document.querySelector('dialog').getBoundingClientRect().right <= innerWidth"
    )


def test_the_language_can_be_changed(server, visit):
    page = visit(server.url)
    page.select_option("#language", "ja")
    assert page.evaluate("document.documentElement.lang") == "ja"
    assert page.get_by_role("button", name="再生", exact=True).is_visible()
    page.reload()
    assert page.get_by_role("heading", name="読み", exact=True).is_visible()


def test_a_voice_shows_its_terms_and_only_sliders_that_do_something(server, visit):
    page = visit(server.url)
    assert page.inner_text("#licence") == "CC BY 3.0"
    assert "Nagoya" in page.inner_text("#credit")
    page.get_by_label("Speed").fill("1.5")
    assert not page.get_by_label("Intonation").is_visible()
    write(page, "はい。")
    assert speak(page).post_data_json["speed"] == 1.5
    page.get_by_role("button", name="Reset").click()
    assert "speed" not in speak(page).post_data_json


def test_a_voice_is_installed_from_the_catalogue(server, visit):
    page = visit(server.url)
    page.wait_for_selector("#catalogue li", state="attached")
    states = [
        {"state": "available", "fetched_bytes": 0, "total_bytes": 0},
        {"state": "loading", "fetched_bytes": 30, "total_bytes": 120},
        {"state": "failed", "fetched_bytes": 0, "total_bytes": 0, "failure": "the disk is full"},
        {"state": "loading", "fetched_bytes": 60, "total_bytes": 120},
        {"state": "ready", "fetched_bytes": 0, "total_bytes": 0},
    ]
    asked = []

    def catalogue(route):
        known = route.fetch().json()["voices"][:1]
        state = states.pop(0) if len(states) > 1 else states[0]
        route.fulfill(json={"voices": [known[0] | state]})

    def accept(route):
        asked.append(route.request)
        route.fulfill(status=202, json={})

    page.route("**/voices/available", catalogue)
    page.route("**/voices/*/reload", accept)
    page.route("**/voices", lambda route: accept(route) if is_post(route) else route.continue_())
    page.reload()
    page.click("summary")
    page.get_by_role("button", name="Install JVNV 女性1").click()
    page.locator('[aria-label="Progress of JVNV 女性1"][value="30"][max="120"]').wait_for()
    page.get_by_text("the disk is full").wait_for()
    page.get_by_text("Try again").click()
    page.get_by_text("JVNV 女性1 is ready.").wait_for()
    page.get_by_text("All voices of the catalogue are installed.").wait_for()
    assert [one.url.rpartition("/voices")[2] for one in asked] == ["", "/jvnv-F1-jp/reload"]
    assert asked[0].post_data_json["name"] == "jvnv-F1-jp"


def is_post(route):
    return route.request.method == "POST"
