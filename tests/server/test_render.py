"""Many texts to audio files."""

from __future__ import annotations

import json
import os
import sys

import pytest
import soundfile

from hayakoe_engine.disk import locked
from hayakoe_engine.tts import TTS
from wyoming_hayakoe.cli import main


@pytest.fixture
def render(tmp_path, capsys):
    """Returns a function that renders items, and returns the exit status and the report."""
    folder = tmp_path / "out"

    def render(items, *arguments):
        texts = tmp_path / "texts.jsonl"
        if not isinstance(items, bytes):
            items = "".join(json.dumps(item) + "\n" for item in items).encode()
        texts.write_bytes(items)
        status = main(["render", str(texts), str(folder), *arguments])
        render.said = capsys.readouterr().err
        report = folder / "report.jsonl"
        lines = report.read_text("utf-8").splitlines() if report.exists() else []
        return status, [json.loads(line) for line in lines]

    render.folder = folder
    return render


def test_every_text_becomes_a_file(render):
    items = [
        {"id": "bath", "text": "お風呂です。"},
        {"text": "はい。", "format": "flac"},
        {"id": 3, "text": "<speak>はい。<break time='1s'/></speak>", "markup": "ssml"},
    ]
    status, report = render(items)
    assert status == 0
    assert [line["status"] for line in report] == ["done"] * 3
    names = [line["file"] for line in report]
    assert names[0].startswith("bath-")
    assert names[0].endswith(".wav")
    assert names[1].endswith(".flac")
    for line in report:
        samples, rate_hz = soundfile.read(render.folder / line["file"])
        assert len(samples) / rate_hz == pytest.approx(line["duration_s"], abs=0.001)
    with TTS(threads=1).load("mei").prepare() as tts:
        expected = tts.speakers["mei"].generate("お風呂です。")
    assert (render.folder / names[0]).read_bytes() == expected.to_bytes()


def test_what_is_there_is_not_made_again(render):
    items = [{"id": str(number), "text": f"{number}番です。"} for number in range(3)]
    _, report = render(items)
    first, second, third = (render.folder / line["file"] for line in report)
    before = first.stat().st_mtime_ns
    second.write_bytes(second.read_bytes()[:-2])  # spoilt
    third.unlink()
    status, again = render([*items, {"id": "new", "text": "はい。"}])
    assert status == 0
    assert again[:3] == report
    assert "1 were there already" in render.said
    assert first.stat().st_mtime_ns == before
    assert third.exists()


def test_what_sounds_otherwise_is_another_file(render):
    changes = [{}, {"options": {"speed": 1.5}}, {"text": "いいえ。"}, {"format": "flac"}]
    _, report = render([{"id": "x", "text": "はい。", **change} for change in changes])
    assert len({line["file"] for line in report}) == 4
    _, faster = render([{"id": "x", "text": "はい。"}], "--set", "speech.speed=1.5")
    assert faster[0]["file"] not in {line["file"] for line in report}


def test_the_same_text_twice_is_one_file(render):
    status, report = render([{"text": "はい。"}] * 2)
    assert status == 0
    assert report[0]["file"] == report[1]["file"]
    assert "1/1" in render.said


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"text": "\\u3042", "speed": 2}', "there is no field 'speed'"),
        (b'{"text": "\\u3042", "options": {"speed": 9}}', "speed must be from 0.25 to 4"),
        (b'{"text": "\\u3042", "options": {"volum": 1}}', "unknown option 'volum'"),
        (b'{"text": "\\u3042", "options": [1]}', "options must be an object"),
        (b'{"text": "\\u3042", "voice": "nobody"}', "there is no voice 'nobody'"),
        (b'{"text": "\\u3042", "id": "../../etc/passwd"}', "id must have letters"),
        (b'{"text": "\\u3042", "id": ".."}', "id must have letters"),
        (b'{"text": "\\u3042", "format": "exe"}', "format must be one of wav"),
        (b'{"text": "<a", "markup": "ssml"}', "line 1, column"),
        (b'{"text": 1}', "text must be text"),
        (b'{"text": ""}', "nothing to speak"),
        (b'{"id": "x"}', "text is missing"),
        (b'{"text": "' + b"a" * 20_001 + b'"}', "longer than 20000 characters"),
        (b'"text"', "an item must be an object"),
        (b"{", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"text": "\xff"}', "the line is not UTF-8"),
        (b'{"text": "' + b"a" * (1 << 20) + b'"}', "the line is longer than"),
    ],
)
def test_a_bad_line_is_told_and_the_others_are_spoken(render, line, problem):
    status, report = render(line + b'\n\n{"text": "\\u306f\\u3044\\u3002"}\n')
    assert status == 1
    assert report[0]["status"] == "failed"
    assert problem in report[0]["message"]
    assert report[1]["item"] == 3
    assert report[1]["status"] == "done"
    assert "1 of 2 texts failed" in render.said
    assert {path.name for path in render.folder.iterdir()} == {report[1]["file"], "report.jsonl"}


def test_a_report_that_was_broken_off_is_gone_on_from(render):
    items = [{"id": "a", "text": "はい。"}, {"id": "b", "text": "いいえ。"}]
    _, report = render(items)
    path = render.folder / "report.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    status, again = render(items)
    assert (status, again) == (0, report)
    assert "1 were there already" in render.said


def test_two_runs_do_not_write_to_one_folder(render):
    render.folder.mkdir()
    with locked(render.folder / ".rendering"):
        status, _ = render([{"text": "はい。"}])
    assert status == 1
    assert "another run is rendering" in render.said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error(render, tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert render([{"text": "はい。"}])[0] == 1
    finally:
        tmp_path.chmod(0o700)


def test_a_voice_that_is_not_there_ends_the_run(render, tmp_path):
    config = tmp_path / "hayakoe.yaml"
    config.write_text(json.dumps({"voices": {"hanako": {"source": f"file://{tmp_path}"}}}))
    status, report = render([{"text": "はい。"}], "--config", str(config), "--voice", "hanako")
    assert (status, report) == (1, [])
    assert "voice hanako" in render.said
    # Where nobody wants it, it need not be there.
    assert render([{"text": "はい。"}], "--config", str(config))[0] == 0


def test_other_files_are_refused(tmp_path, capsys):
    texts = tmp_path / "texts.csv"
    texts.touch()
    assert main(["render", str(texts), str(tmp_path / "out")]) == 2
    assert "must be a .jsonl, .ndjson or .parquet file" in capsys.readouterr().err
    assert main(["render", str(tmp_path / "no.jsonl"), str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()


def test_a_column_of_parquet_may_hold_options(render, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {
            "id": ["a", "b"],
            "text": ["はい。", "いいえ。"],
            "options": ['{"speed": 1.5}', None],
        }
    )
    texts = tmp_path / "texts.parquet"
    parquet.write_table(table, texts)
    assert main(["render", str(texts), str(render.folder)]) == 0
    lines = (render.folder / "report.jsonl").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["done", "done"]


def test_parquet_needs_a_package(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    texts = tmp_path / "texts.parquet"
    texts.touch()
    assert main(["render", str(texts), str(tmp_path / "out")]) == 1
    assert "pip install 'wyoming-hayakoe[cluster]'" in capsys.readouterr().err
