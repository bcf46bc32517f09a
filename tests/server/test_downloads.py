"""Voices from a hub: the settings, the commands, and what is shown while they come."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import select
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from hayakoe_engine.sources.access import SourceAccess
from hayakoe_engine.sources.progress import FetchProgress
from hayakoe_engine.sources.source import open_source
from wyoming_hayakoe import app
from wyoming_hayakoe.logs import set_up_logging
from wyoming_hayakoe.progress import DownloadBar, DownloadLines, download_report
from wyoming_hayakoe.settings import LogSettings, load_settings

SERVERS = Path(__file__).parents[1] / "servers"
BATH = "お風呂が沸きました。"
PREFIX = "onnx/speakers/mini"
TOKEN = "hf_sesame"
HANG_S = 120

SMALL = {
    f"{PREFIX}/config.json": b"{}",
    f"{PREFIX}/synthesizer.onnx": bytes(2_000_000),
    "onnx/bert/q8/bert_q8.onnx": bytes(1_000_000),
}


@pytest.fixture
def hub(monkeypatch):
    """An empty hub, which the commands take for the real one."""
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants

    sys.path.insert(0, str(SERVERS))
    try:
        from hub import HubServer
    finally:
        sys.path.remove(str(SERVERS))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with HubServer() as server:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr("huggingface_hub.hf_api.ENDPOINT", server.url, raising=False)
        yield server


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def at(cache):
    """The setting that names the cache."""
    return f"--set=cache={cache}"


@pytest.fixture
def fetch(hub, cache):
    """Downloads from the hub."""
    hub.commit("me/voices", SMALL)
    access = SourceAccess(cache, hf_endpoint=hub.url)
    return lambda prefix: open_source("hf://me/voices", access).fetch(prefix)


# cache


def test_an_empty_cache_is_listed(run, at, cache):
    assert run("cache", at, "list") == (0, b"", "")
    assert run("cache", at, "list", "--json") == (0, b"[]\n", "")
    assert run("cache", at, "verify") == (0, b"files as they were downloaded: 0\n", "")
    assert run("cache", at, "prune") == (0, b"deleted 0.0 MB\n", "")
    assert not cache.exists()


def test_what_has_been_downloaded_is_listed(run, at, hub, fetch):
    folder = fetch(PREFIX)
    fetch("onnx/bert/q8")
    commit = hub.repositories["me/voices"].branches["main"]
    status, out, err = run("cache", at, "list")
    assert (status, err) == (0, "")
    lines = [line.split("\t") for line in out.decode().splitlines()]
    assert [(line[0], line[1], line[2], line[4]) for line in lines] == [
        ("hf://me/voices@main", "onnx/bert/q8", "1.0 MB", commit),
        ("hf://me/voices@main", PREFIX, "2.0 MB", commit),
    ]
    _, out, _ = run("cache", at, "list", "--json")
    entry = json.loads(out)[1]
    assert entry["path"] == str(folder)
    assert entry["size_bytes"] == 2_000_002


def test_settings_may_come_before_or_after_what_is_to_be_done(run, at, fetch, cache, config):
    fetch(PREFIX)
    _, listed, _ = run("cache", at, "list")
    file = config(f"cache: {cache}")
    for arguments in (
        ("list", at),
        ("list", "--config", file),
        ("--config", file, "list"),
        ("--set=cache=/nowhere", "list", at),
        ("--config", file, "list", "--set=log.level=debug"),
    ):
        assert run("cache", *arguments) == (0, listed, "")


def test_damage_is_found_and_repaired(run, at, fetch):
    folder = fetch(PREFIX)
    assert run("cache", at, "verify") == (0, b"files as they were downloaded: 2\n", "")
    (folder / "config.json").write_bytes(b"[]")
    status, out, err = run("cache", at, "verify")
    assert status == 1
    assert out.decode() == f"{folder}/config.json has another content\n"
    assert "damaged files: 1" in err
    assert "--repair" in err
    status, out, _ = run("cache", at, "verify", "--repair")
    assert status == 0
    assert "config.json has another content; deleted" in out.decode()
    fetch(PREFIX)
    assert run("cache", at, "verify")[0] == 0


@pytest.mark.parametrize("what", ["mini", PREFIX])
def test_a_voice_is_removed(run, at, fetch, what):
    fetch(PREFIX)
    fetch("onnx/bert/q8")
    status, out, _ = run("cache", at, "remove", what)
    assert (status, out.decode()) == (0, f"removed hf://me/voices@main {PREFIX}: 2.0 MB\n")
    status, _, err = run("cache", at, "remove", what)
    assert status == 2
    assert f"{what} has not been downloaded" in err
    assert "hint: what has: q8" in err


@pytest.mark.parametrize(
    "uri", ["hf://me/voices", "hf://me/voices@main", "https://huggingface.co/me/voices"]
)
def test_a_source_is_removed_with_everything_from_there(run, at, fetch, uri):
    fetch(PREFIX)
    fetch("onnx/bert/q8")
    status, out, _ = run("cache", at, "remove", uri)
    assert status == 0
    assert len(out.splitlines()) == 2
    assert run("cache", at, "list") == (0, b"", "")


def test_what_is_of_no_use_is_shown_and_pruned(run, at, hub, fetch, cache):
    fetch(PREFIX)
    hub.commit("me/voices", {f"{PREFIX}/config.json": b"[]"})
    access = SourceAccess(cache, hf_endpoint=hub.url, update=True)
    open_source("hf://me/voices", access).fetch(PREFIX)
    _, _, err = run("cache", at, "list")
    assert "2.0 MB more are unfinished or old; `wyoming-hayakoe cache prune` deletes them" in err
    assert run("cache", at, "prune")[:2] == (0, b"deleted 2.0 MB\n")
    assert run("cache", at, "list")[2] == ""


def test_pruning_may_take_what_no_voice_of_the_settings_needs(run, at, fetch):
    fetch(PREFIX)
    fetch("onnx/bert/q8")
    voices = ("--set=voices.other.source=hf://me/voices",)
    assert run("cache", at, *voices, "prune", "--unused")[:2] == (0, b"deleted 2.0 MB\n")
    _, out, _ = run("cache", at, "list")
    assert b"onnx/bert/q8" in out


# install, say, voices


@pytest.fixture
def environment(hub, tmp_path, at):
    """For commands that run as processes."""
    (tmp_path / "home").mkdir()
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": os.defpath,
        "HF_ENDPOINT": hub.url,
        "HAYAKOE_HF_TOKEN": TOKEN,
        "HAYAKOE_CACHE": at.partition("=")[2].partition("=")[2],
    }


@pytest.fixture
def voices(hub, published, installed, cache):
    """A private repository with a voice, which is not downloaded but installed already."""
    shutil.copytree(installed[0], cache)
    files = {
        file.relative_to(published).as_posix(): file.read_bytes()
        for file in published.rglob("*")
        if file.is_file()
    }
    hub.commit("me/private", files, private=True)
    return "--set=voices.mini.source=hf://me/private"


def test_a_voice_is_downloaded_once_with_a_line_for_each_file(start, voices, environment, hub):
    process = start("install", voices, env=environment)
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, err
    assert re.match(r"mini: ready after ", out.decode())
    lines = [line for line in err.decode().splitlines() if "downloading" in line]
    assert len(lines) == 5
    assert any(
        re.fullmatch(rf"wyoming-hayakoe: downloading {PREFIX}/synthesizer.onnx: \d+\.\d MB", line)
        for line in lines
    )
    assert TOKEN not in err.decode()
    del hub.requests[:]
    process = start("install", "--offline", voices, env=environment)
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, err
    assert b"downloading" not in err
    assert hub.requests == []


@pytest.mark.usefixtures("voices")
def test_a_known_voice_is_installed_by_its_name_alone(run, at, hub):
    tree = hub.repositories["me/private"].commits[hub.repositories["me/private"].branches["main"]]
    files = {path.replace("/mini/", "/jvnv-F1-jp/"): content for path, content in tree.items()}
    hub.commit("lemondouble/hayakoe", files)
    status, out, err = run("install", at, "jvnv-F1-jp")
    assert status == 0, err
    assert out.startswith(b"jvnv-F1-jp: ready after ")
    assert err.endswith(
        "wyoming-hayakoe: not in the settings: jvnv-F1-jp\n"
        "hint: who is to speak is named there under `voices`\n"
    )


def test_ctrl_c_stops_a_download_and_the_next_one_goes_on(run, at, start, voices, environment, hub):
    hub.bytes_per_s = 4_000_000
    process = start("install", voices, env=environment)
    while hub.sent_bytes < 2_000_000:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert run("cache", at, "verify")[0] == 0
    hub.bytes_per_s = None
    del hub.requests[:]
    process = start("install", voices, env=environment)
    _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, err
    assert b"of it here" in err
    assert any(request.first_byte > 1_000_000 for request in hub.requests)


def test_offline_a_voice_that_is_not_there_is_said_to_be_missing(run, at, hub):
    for command in (("install",), ("say", "-o", "-", "--voice", "mini", BATH)):
        status, _, err = run(*command, "--offline", at, "--set=voices.mini.source=hf://me/voices")
        assert status == 1
        assert f"voice mini: hf://me/voices@main: {PREFIX} is not in" in err
        assert "hint: run `wyoming-hayakoe install` once without --offline" in err
    assert hub.requests == []


def test_doctor_downloads_nothing(run, at, hub):
    status, out, _ = run(
        *("doctor", at, "--set=voices.mini.source=hf://me/voices"),
        *("--set=wyoming.uri=tcp://127.0.0.1:0", "--set=zeroconf.enabled=false"),
    )
    assert status == 1
    (line,) = (line for line in out.decode().splitlines() if "voice mini" in line)
    assert line.startswith(f"FAIL  voice mini is not there: hf://me/voices@main: {PREFIX} is not")
    assert "→ run `wyoming-hayakoe install` once" in out.decode()
    assert hub.requests == []


def test_an_update_brings_what_is_new(run, at, hub, voices):
    token = f"--set=hf_token={TOKEN}"
    assert run("install", at, token, voices)[0] == 0
    name = f"{PREFIX}/README.md"
    hub.commit("me/private", {name: b"new"})
    del hub.requests[:]
    assert run("install", at, token, voices)[0] == 0
    assert hub.requests == []
    assert run("install", at, token, voices, "--update")[0] == 0
    assert hub.files_sent() == [name]


def test_what_is_made_of_a_download_is_listed_and_removed_with_it(run, at, voices, cache):
    assert run("install", at, f"--set=hf_token={TOKEN}", voices)[0] == 0
    _, out, _ = run("cache", at, "list")
    lines = [line.split("\t") for line in out.decode().splitlines()]
    made = {line[1]: line for line in lines if line[0] == "installed"}
    assert set(made) >= {"mini", "all voices"}
    assert re.fullmatch(r"\d+\.\d MB", made["mini"][2])
    _, out, _ = run("cache", at, "list", "--json")
    entries = {entry["kind"]: entry for entry in json.loads(out) if "mini" in str(entry)}
    assert set(entries) == {"download", "installed", "tuned"}
    entry = entries["installed"]
    assert entry["voices"] == ["mini"]
    assert entry["wanted"]
    assert entry["size_bytes"] > 100_000
    assert run("cache", at, "verify")[0] == 0
    status, out, _ = run("cache", at, "remove", "mini")
    assert status == 0
    said = out.decode().splitlines()
    assert said[0].startswith(f"removed hf://me/private@main {PREFIX}: ")
    assert said[1].startswith("removed installed mini: ")
    assert said[2].startswith("removed tuned mini: ")
    assert not list((cache / "installed").glob("voice-*"))
    assert list((cache / "installed").glob("bert-*"))


def test_what_was_downloaded_need_not_be_kept(run, at, voices, cache):
    token = f"--set=hf_token={TOKEN}"
    assert run("install", at, token, voices)[0] == 0
    status, out, _ = run("install", at, token, voices, "--without-published")
    assert status == 0
    assert re.search(r", \d+ MB less in ", out.decode())
    assert not list(cache.rglob("synthesizer.onnx"))
    _, out, _ = run("cache", at, "list")
    assert "\tkept as installed only: synthesizer.onnx" in out.decode()
    _, out, _ = run("cache", at, "list", "--json")
    entry = next(one for one in json.loads(out) if one.get("prefix") == PREFIX)
    assert entry["left_out"] == ["synthesizer.onnx"]
    assert entry["size_bytes"] < 100_000
    status, out, _ = run("cache", at, "verify")
    assert (status, out.decode().splitlines()[1:]) == (
        0,
        ["files that are kept as installed only: 2"],
    )
    assert run("install", "--offline", at, voices)[0] == 0


def test_a_wrong_token_is_said_without_showing_it(run, at, voices):
    status, _, err = run("install", at, voices, "--set=hf_token=hf_mistake")
    assert status == 1
    assert "the token is not valid" in err
    assert "hf_mistake" not in err


# What is shown


def moments(*sizes, file="synthesizer.onnx", total=2_000_000):
    return [
        FetchProgress("hf://me/voices@main", PREFIX, file, size, total, size, total)
        for size in sizes
    ]


def test_elsewhere_than_on_a_terminal_there_is_a_line_for_each_file():
    lines = []
    report = DownloadLines(lines.append)
    for progress in (
        *moments(0, 2, file="config.json", total=2),
        *moments(1_000_000, 1_500_000, 0, 2_000_000),
    ):
        report(progress)
    assert lines == [
        f"downloading {PREFIX}/config.json: 0.0 MB",
        f"downloading {PREFIX}/synthesizer.onnx: 2.0 MB, 1.0 MB of it here",
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_size_speed_and_time_left():
    terminal = Terminal()
    report = DownloadBar(terminal)
    first, *rest = moments(0, 500_000, 1_000_000, 200_000, 2_000_000)
    report(first)
    for progress in rest:
        time.sleep(0.12)
        report(progress)
    report(moments(0, file="config.json")[0])
    report.close()
    shown = terminal.getvalue()
    assert f"{PREFIX}/synthesizer.onnx:  50%" in shown
    assert re.search(r"1\.00M/2\.00M \[00:00<00:0\d, [\d.]+[kM]B/s\]", shown)
    assert f"{PREFIX}/synthesizer.onnx: 100%" in shown
    assert f"{PREFIX}/config.json:   0%" in shown


def test_a_terminal_that_does_not_know_its_width_shows_them_too():
    leader, follower = os.openpty()
    with os.fdopen(leader, "rb", 0) as screen, os.fdopen(follower, "w") as terminal:
        assert os.get_terminal_size(follower).columns == 0
        report = DownloadBar(terminal)
        for progress in moments(0, 2_000_000):
            report(progress)
        shown = ""
        # What is written arrives in pieces.
        while "2.00M/2.00M [" not in shown and select.select([screen], [], [], HANG_S)[0]:
            shown += screen.read(10_000).decode()
    assert f"{PREFIX}/synthesizer.onnx: 100%" in shown
    assert "2.00M/2.00M [" in shown


def test_the_report_fits_where_it_goes(monkeypatch, capsys):
    assert isinstance(download_report(), DownloadLines)
    download_report()(moments(0)[0])
    assert capsys.readouterr().err.startswith("wyoming-hayakoe: downloading ")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(download_report(), DownloadBar)
    monkeypatch.setattr(sys, "stderr", None)
    download_report()(moments(0)[0])


def test_the_server_writes_downloads_to_its_log(config, hub, cache, caplog, monkeypatch):
    hub.commit("me/voices", SMALL)
    caplog.set_level(logging.INFO)
    settings = load_settings(
        config("log: {level: debug}\nwyoming: {uri: 'tcp://127.0.0.1:0'}"),
        {"cache": str(cache), "voices": {"mini": {"source": "hf://me/voices"}}},
    )
    monkeypatch.setattr(app, "_serve", _no_server)
    app.serve(settings)
    assert f"downloading {PREFIX}/synthesizer.onnx: 2.0 MB" in caplog.messages


async def _no_server(_, library, *__):
    library.start()
    while not library.is_settled:  # noqa: ASYNC110 - it changes in another thread
        await asyncio.sleep(0.01)


def test_the_log_shows_no_address_that_is_signed(hub, fetch, capsys, request):
    before = logging.getLogger().handlers[:], logging.getLogger().level
    request.addfinalizer(lambda: _restore(*before))
    set_up_logging(LogSettings(level="debug"))
    hub.go_wrong(on="/storage/", cut_after=1000)
    fetch(PREFIX)
    log = capsys.readouterr().err
    assert "trying again in 1 s" in log
    assert "signature=" not in log


def _restore(handlers, level):
    logging.basicConfig(level=level, handlers=handlers, force=True)
