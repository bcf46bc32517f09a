import subprocess
import sys

import hayakoe_engine


def test_the_public_names_are_these():
    assert sorted(hayakoe_engine.__all__) == [
        "Audio",
        "Delivery",
        "MadeWindow",
        "MoraDelivery",
        "PhoneTiming",
        "Speaker",
        "SynthesisOptions",
        "TTS",
        "TextOptions",
        "Utterance",
        "Voice",
        "VoiceInfo",
        "Window",
        "errors",
        "streaming_wav_header",
    ]
    for name in hayakoe_engine.__all__:
        assert getattr(hayakoe_engine, name) is not None
    assert dir(hayakoe_engine) == sorted(hayakoe_engine.__all__)


def test_an_unknown_name_is_an_attribute_error():
    try:
        hayakoe_engine.Nothing  # noqa: B018
    except AttributeError as error:
        assert "Nothing" in str(error)  # noqa: PT017
    else:
        raise AssertionError


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, hayakoe_engine;"
        "print([m for m in ('numpy', 'pyopenjtalk', 'onnxruntime', 'soxr', 'soundfile')"
        " if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_example_of_the_package_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from hayakoe_engine import TTS

    TTS().load("mei").prepare().speakers["mei"].generate("こんにちは").save("out.wav")
    assert (tmp_path / "out.wav").read_bytes()[:4] == b"RIFF"


def test_a_program_that_forgets_to_close_the_engine_ends_in_silence():
    code = (
        "from hayakoe_engine import TTS;"
        "tts = TTS().load('mei').prepare();"
        "next(tts.speakers['mei'].stream('長い文章を読んでいる途中でも、終わります。' * 20))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stderr == ""
