"""The command that finds out why something does not work."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from ipaddress import ip_address

import pytest
from wyoming.info import Attribution, Info, TtsProgram

from hayakoe_engine.errors import BadVoiceFiles
from wyoming_hayakoe import __version__, doctor
from wyoming_hayakoe.cli import main
from wyoming_hayakoe.discovery import InterfaceAddress

LAN = InterfaceAddress(ip_address("192.0.2.10"), "eth0", 2)
LOOPBACK = InterfaceAddress(ip_address("127.0.0.1"), "lo", 1)
FREE = "tcp://127.0.0.1:0"


@pytest.fixture(autouse=True)
def _known_machine(monkeypatch, tmp_path):
    """A machine on a network, without an audio player."""
    monkeypatch.setattr(doctor, "interface_addresses", lambda: [LOOPBACK, LAN])
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def examine(capsys):
    """Run the command; returns its status and its findings, each with the advice below it."""

    def examine(*assignments):
        status = main(["doctor", *(f"--set={assignment}" for assignment in assignments)])
        written = capsys.readouterr()
        assert "Traceback" not in written.out + written.err
        assert written.err == ""
        return status, re.sub(r"\n {6}→ ", " → ", written.out).splitlines()

    return examine


def finding(lines, words):
    (line,) = (line for line in lines if words in line)
    return line


@contextmanager
def answering(reply, host="127.0.0.1"):
    """A program that answers every connection with these bytes; gives its port."""
    with socket.create_server((host, 0)) as server:

        def serve():
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    client.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_where_everything_works(examine):
    status, lines = examine("wyoming.uri=tcp://0.0.0.0:0")
    assert status == 0
    assert lines[0].startswith(f"ok    wyoming-hayakoe {__version__}, Python 3.")
    assert finding(lines, "voice mei speaks: ready in ").startswith("ok ")
    assert finding(lines, "is free; nothing is served there now").startswith("ok ")
    announced = finding(lines, "announced by zeroconf at 192.0.2.10, port 0, as 'hayakoe-")
    assert announced.startswith("ok ")
    assert announced.endswith(
        "→ if a firewall runs, it must let this port and UDP port 5353 through"
    )
    assert finding(lines, "no audio player").startswith("note ")
    assert lines[-1] == "Everything works."


def test_a_player_is_named(examine, tmp_path):
    (tmp_path / "aplay").write_text("")
    (tmp_path / "aplay").chmod(0o755)
    _, lines = examine(f"wyoming.uri={FREE}")
    assert finding(lines, "`say` plays through aplay").startswith("ok ")


# The address


@pytest.mark.parametrize(
    "reply", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"{}\n", b"[]\n", b"\xff"]
)
def test_a_port_that_another_program_has(examine, reply):
    with answering(reply) as port:
        status, lines = examine(f"wyoming.uri=tcp://127.0.0.1:{port}")
    assert status == 1
    assert finding(lines, "cannot listen") == (
        f"FAIL  cannot listen on tcp://127.0.0.1:{port}: Address already in use → stop the other "
        "program or choose another address: `serve --uri` or the setting wyoming.uri"
    )
    assert lines[-1] == "Something does not work; see FAIL above."


def test_a_port_that_another_wyoming_server_has(examine):
    program = TtsProgram(
        name="piper",
        attribution=Attribution(name="", url=""),
        installed=True,
        description=None,
        version="9.9",
        voices=[],
    )
    event = Info(tts=[program]).event()
    with answering(wire_form(event)) as port:
        status, lines = examine(f"wyoming.uri=tcp://127.0.0.1:{port}")
    assert status == 1
    assert finding(lines, "cannot listen").startswith(
        f"FAIL  cannot listen on tcp://127.0.0.1:{port}: Address already in use by piper 9.9 → stop"
    )


def wire_form(event):
    import io

    from wyoming.event import write_event

    file = io.BytesIO()
    write_event(event, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def own_port():
    """Where a server of this package runs."""
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "wyoming_hayakoe", "serve"),
            *("--uri", "tcp://0.0.0.0:0", "--no-zeroconf", "--set=http.enabled=false"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    with server:
        ready = next(line for line in server.stderr if "is ready on" in line)
        yield int(re.search(r"is ready on tcp://0\.0\.0\.0:(\d+),", ready)[1])
        server.terminate()
        assert "Traceback" not in server.stderr.read()
    assert server.returncode == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "*"])
def test_a_port_that_our_own_server_has(examine, own_port, host):
    status, lines = examine(f"wyoming.uri=tcp://{host}:{own_port}")
    assert finding(lines, "is served already").endswith(f", by Hayakoe {__version__}")
    assert status == 0


def test_an_address_that_cannot_be_listened_on(examine, tmp_path):
    status, lines = examine(f"wyoming.uri=unix://{tmp_path}/gone/hayakoe.sock")
    assert status == 1
    assert finding(lines, "cannot listen") == (
        f"FAIL  cannot listen on unix://{tmp_path}/gone/hayakoe.sock: No such file or directory "
        "→ choose another address: `serve --uri` or the setting wyoming.uri"
    )


def test_a_unix_socket_is_free_and_stays_so(examine, tmp_path):
    status, lines = examine(f"wyoming.uri=unix://{tmp_path}/hayakoe.sock")
    assert status == 0
    assert finding(lines, "is free").startswith("ok ")
    assert finding(lines, "not announced by zeroconf").startswith("note ")
    assert not (tmp_path / "hayakoe.sock").exists()


def test_standard_input_and_output_need_no_address(examine):
    status, lines = examine("wyoming.uri=stdio://")
    assert status == 0
    assert "ok    serves standard input and output" in lines


# The network


def test_a_machine_without_a_network(examine, monkeypatch):
    monkeypatch.setattr(doctor, "interface_addresses", lambda: [LOOPBACK])
    status, lines = examine("wyoming.uri=tcp://0.0.0.0:0")
    assert status == 0
    assert finding(lines, "loopback") == (
        "note  there is no network interface but loopback: Home Assistant on another machine "
        "cannot connect → connect the machine to the network; the server notices by itself"
    )


def test_a_server_that_only_this_machine_reaches(examine):
    _, lines = examine(f"wyoming.uri={FREE}")
    assert finding(lines, "loopback") == (
        "note  the server listens on loopback only: Home Assistant on another machine cannot "
        "connect → tcp://0.0.0.0:0 listens on all interfaces"
    )
    assert not any("announced" in line for line in lines)


def test_addresses_that_the_system_does_not_tell(examine, monkeypatch):
    def fail():
        raise OSError("netlink is gone")

    monkeypatch.setattr(doctor, "interface_addresses", fail)
    status, lines = examine("wyoming.uri=tcp://0.0.0.0:0")
    assert status == 0
    assert "note  the network's addresses are unknown: netlink is gone" in lines


def test_without_zeroconf_the_server_is_added_by_hand(examine):
    _, lines = examine(f"wyoming.uri={FREE}", "zeroconf.enabled=false")
    assert "note  not announced by zeroconf; add the server by hand in Home Assistant" in lines


# The voices and the packages


def test_a_voice_that_does_not_exist(examine):
    status, lines = examine("voice=may", f"wyoming.uri={FREE}")
    assert status == 1
    assert "FAIL  voice: there is no voice 'may'; the voices are mei → correct the setting" in lines
    assert finding(lines, "is free").startswith("ok ")


def test_a_preset_of_a_voice_that_does_not_exist(examine):
    status, lines = examine("presets.quick.voice=may", f"wyoming.uri={FREE}")
    assert status == 1
    assert finding(lines, "presets.quick.voice: there is no voice 'may'").startswith("FAIL ")


def test_a_voice_that_cannot_speak(examine, monkeypatch):
    def fail(settings):  # noqa: ARG001
        raise BadVoiceFiles("mei.htsvoice is damaged")

    monkeypatch.setattr(doctor, "build_engine", fail)
    status, lines = examine(f"wyoming.uri={FREE}")
    assert status == 1
    assert (
        "FAIL  the voice cannot speak: mei.htsvoice is damaged → install wyoming-hayakoe again"
        in lines
    )


def test_a_package_that_is_missing(examine, monkeypatch):
    monkeypatch.setattr(doctor, "_PACKAGES", ("numpy", "not-a-package"))
    status, lines = examine(f"wyoming.uri={FREE}")
    assert status == 1
    assert (
        "FAIL  package not-a-package is missing → install wyoming-hayakoe again with pip" in lines
    )


def test_wrong_settings_are_told_without_any_check(capsys):
    assert main(["doctor", "--set", "speech.speed=9"]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == (
        "wyoming-hayakoe: speech.speed: must be less than or equal to 4, not '9'\n"
    )
