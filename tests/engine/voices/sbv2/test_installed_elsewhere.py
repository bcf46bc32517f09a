"""What is installed on one machine is used as it is on another, of whatever kind."""

import logging
import platform
import shutil

import numpy as np
import pytest

from hayakoe_engine import TTS

TEXT = "お風呂が沸きました。"
STILL = {"sdp_ratio": 0.0, "noise": 0.0}


@pytest.fixture(scope="session")
def elsewhere(request, model_folder):
    """What was installed, and what the voice said there; on this machine unless with --models."""

    def make(folder):
        audio = request.getfixturevalue("tts").speakers["hana"].generate(TEXT, **STILL)
        np.save(folder / "spoken.npy", audio.samples)
        shutil.copytree(request.getfixturevalue("cache") / "installed", folder / "installed")

    return model_folder("elsewhere", make)


def test_a_voice_installed_elsewhere_says_the_same(elsewhere, repository, tmp_path, caplog):
    shutil.copytree(elsewhere / "installed", tmp_path / "installed")
    with (
        caplog.at_level(logging.INFO),
        TTS(cache_dir=tmp_path, precision="exact", threads=2) as tts,
    ):
        hana = tts.load("hana", source=str(repository)).prepare().speakers["hana"]
        here = hana.generate(TEXT, **STILL).samples
    assert "installing" not in caplog.text
    there = np.load(elsewhere / "spoken.npy")
    assert here.shape == there.shape
    assert np.linalg.norm(here - there) < 1e-3 * np.linalg.norm(there)
    # Only copies for this machine are made.
    (tuned,) = (tmp_path / "tuned").iterdir()
    assert tuned.name.startswith(platform.machine())
