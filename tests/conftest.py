"""Where models come from that tests speak with."""

import shutil
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
