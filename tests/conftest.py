"""Where models come from that tests speak with, and how to be without a network."""

import shutil
import subprocess
from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--models",
        type=Path,
        metavar="FOLDER",
        help="keep the models that tests make in this folder, and use those that are there: "
        "what was made where torch is can be tested where it is not",
    )


@pytest.fixture(scope="session")
def model_folder(request, tmp_path_factory):
    """Returns a folder of models by its name, after the given function has filled it once."""
    root = request.config.getoption("--models") or tmp_path_factory.mktemp("models")

    def model_folder(name, make):
        folder = root / name
        if not folder.is_dir():
            making = root / f".{name}"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            make(making)
            making.rename(folder)
        return folder

    return model_folder


@pytest.fixture(scope="session")
def isolated():
    """The command that runs another one without any network."""
    for command in (["unshare", "-rn"], ["unshare", "-n"]):
        try:
            subprocess.run([*command, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    pytest.skip("this machine lets nobody make a network namespace")
