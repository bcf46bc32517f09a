"""The report on a converted voice: true figures, on a page that asks nobody for anything."""

import base64
import io
import re
import struct
import zlib

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from hayakoe_engine.voices.sbv2.agreement import Agreement  # noqa: E402
from hayakoe_engine.voices.sbv2.png import heat_map  # noqa: E402
from hayakoe_engine.voices.sbv2.report import (  # noqa: E402
    QualityReport,
    Rendition,
    open_for_report,
    report_quality,
)
from hayakoe_engine.voices.sbv2.report_page import quality_page  # noqa: E402

SENTENCES = ("はい。", "<b>お風呂</b>が沸きました。")


@pytest.fixture(scope="module")
def report(voice_maker, miniature, repository, cache, tts, tmp_path_factory):  # noqa: ARG001
    """Of a voice that is installed already."""
    checkpoint = tmp_path_factory.mktemp("training") / "hana.safetensors"
    voice_maker.save_checkpoint(miniature, checkpoint)
    return report_quality(
        checkpoint,
        repository / "onnx/speakers/hana",
        open_for_report(cache, threads=2),
        bert=repository / "onnx/bert/q8",
        tokenizer=repository / "bert/tokenizer",
        sentences=SENTENCES,
    )


def test_every_sentence_is_said_in_every_version(report):
    assert [text for text, _ in report.sentences] == list(SENTENCES)
    for _, renditions in report.sentences:
        assert [one.version for one in renditions] == ["torch", "exact", "balanced", "fast"]
        assert renditions[0].agreement is None
        assert all(np.abs(one.samples).max() > 0.01 for one in renditions)


def test_what_was_converted_is_what_was_trained(report):
    figures = dict(report.worst())
    assert list(figures) == ["exact", "balanced", "fast"]
    assert figures["exact"].snr_db > 80
    assert figures["exact"].log_mel_distance_db < 0.01
    assert 20 < figures["fast"].snr_db < figures["exact"].snr_db


def test_the_page_can_be_heard_and_seen(report):
    page = quality_page(report)
    sounds = re.findall(r'src="data:audio/wav;base64,([^"]+)"', page)
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(sounds) == len(pictures) == 4 * len(SENTENCES)
    samples, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(sounds[0])))
    assert rate_hz == report.sample_rate_hz
    assert len(samples) == len(report.sentences[0][1][0].samples)
    assert base64.b64decode(pictures[0]).startswith(b"\x89PNG")
    for version, figures in report.worst():
        assert version in page
        assert f"{figures.snr_db:.1f} dB" in page


def test_the_page_asks_nobody_and_runs_nothing(report):
    page = quality_page(report)
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:)|url\(|https?:", page)
    assert "&lt;b&gt;お風呂&lt;/b&gt;" in page


def test_another_pace_is_said_so_and_equal_sound_too():
    sound = np.sin(np.arange(4410, dtype=np.float32))
    renditions = (
        Rendition("torch", sound, None),
        Rendition("exact", sound, Agreement(np.inf, 0.0)),
        Rendition("balanced", sound[:-512], None),
        Rendition("fast", sound, Agreement(12.0, 3.0)),
    )
    page = quality_page(QualityReport("hana", 44100, "exact", (("はい。", renditions),)))
    assert "∞ (the same)" in page
    assert "speaks at another pace" in page
    assert '<span class="bad">SNR 12.0 dB</span>' in page


def test_a_picture_has_a_pixel_for_each_value():
    picture = heat_map(np.array([[0.0, 1.0, 2.0], [-5.0, 0.5, 9.0]]), 0.0, 1.0)
    assert struct.unpack(">II", picture[16:24]) == (3, 2)
    begin = picture.index(b"IDAT")
    (length,) = struct.unpack(">I", picture[begin - 4 : begin])
    rows = zlib.decompress(picture[begin + 4 : begin + 4 + length])
    assert rows == bytes([0, 0, 255, 255, 0, 0, 128, 255])
