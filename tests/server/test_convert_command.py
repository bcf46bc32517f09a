"""``wyoming-hayakoe convert``: from a checkpoint to a voice, ready to speak and compared."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")


def test_a_report_compares_the_voice_with_its_checkpoint(
    run, checkpoint, published, installed, tmp_path
):
    cache, _ = installed
    page = tmp_path / "mini.html"
    status, out, _ = run(
        *("convert", str(checkpoint), str(tmp_path / "mini"), "--report", str(page)),
        *("--text", "はい。", f"--set=cache={cache}", f"--set=neural.bert_source={published}"),
    )
    said = out.decode().splitlines()
    assert status == 0
    assert [line.split("\t")[0] for line in said[3:6]] == ["exact", "balanced", "fast"]
    assert said[6].startswith(f"{page}: the report")
    assert "はい。" in page.read_text("utf-8")


def test_a_converted_voice_can_be_made_ready_at_once(
    run, checkpoint, published, installed, tmp_path
):
    cache, _ = installed
    folder = tmp_path / "mini"
    status, out, _ = run(
        *("convert", str(checkpoint), str(folder), "--install"),
        *(f"--set=cache={cache}", f"--set=neural.bert_source={published}"),
    )
    assert status == 0
    assert out.decode().splitlines()[-1] == f"{folder}: ready to speak"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--text", "はい。"], "--text is for the report"),
        (["--report", "REPORT", "--text", " "], "--text takes a sentence of 1 to 500 characters"),
        (["--report", "REPORT", "--text", "あ" * 501], "--text takes a sentence"),
        (["--report", "gone/report.html"], "there is no such folder"),
    ],
)
def test_wrong_arguments_are_found_before_anything_is_made(
    run, checkpoint, tmp_path, arguments, reason
):
    arguments = [str(tmp_path / "r.html") if word == "REPORT" else word for word in arguments]
    status, out, err = run("convert", str(checkpoint), str(tmp_path / "mini"), *arguments)
    assert (status, out) == (2, b"")
    assert reason in err
    assert list(tmp_path.iterdir()) == []
