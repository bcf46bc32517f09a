"""What a user installs, outside the checkout."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parents[2]


def run(*command, cwd):
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    ).stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The bin folder of a fresh environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    pip = folder / "env/bin/pip"
    run(pip, "install", "-q", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
    return folder / "env/bin"


def test_the_wheel_speaks(installed, tmp_path):
    run(
        installed / "wyoming-hayakoe", "say", "お風呂が沸きました。", "-o", "bath.wav", cwd=tmp_path
    )
    samples, rate_hz = soundfile.read(tmp_path / "bath.wav")
    assert rate_hz == 48000
    assert len(samples) > rate_hz


def test_nothing_but_the_answer_is_on_standard_output(installed, tmp_path):
    """Libraries that find a part of theirs missing have printed about it there."""
    output = run(
        installed / "wyoming-hayakoe", "read", "何時ですか。何を食べますか。", cwd=tmp_path
    )
    assert output == "ナンジデスカ。ナニヲタベマスカ\n"


def test_the_wheel_is_a_library(installed, tmp_path):
    code = (
        "from hayakoe_engine import TTS;"
        "print(TTS().load('mei').prepare().speakers['mei'].generate('はい').sample_rate_hz)"
    )
    assert run(installed / "python", "-c", code, cwd=tmp_path) == "48000\n"


def test_the_wheel_holds_the_packages_and_the_licence(installed):
    pip = installed / "pip"
    files = run(pip, "show", "-f", "wyoming-hayakoe", cwd=installed)
    assert "hayakoe_engine/py.typed" in files
    assert "wyoming_hayakoe/py.typed" in files
    assert "licenses/LICENSE" in files
    assert "tests/" not in files


def test_the_checkout_speaks_with_the_command_of_the_readme(tmp_path):
    target = tmp_path / "bath.wav"
    run(ROOT / "script/run", "say", "お風呂が沸きました。", "-o", target, cwd=tmp_path)
    assert soundfile.info(target).duration > 1
