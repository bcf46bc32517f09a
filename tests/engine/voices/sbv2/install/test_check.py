from types import SimpleNamespace

import numpy as np
import pytest

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.install.check import check_decoder, check_parts, compare
from hayakoe_engine.voices.sbv2.install.decoder import direct_decoder, read_decoder
from hayakoe_engine.voices.sbv2.install.fast_decoder import fast_decoder
from hayakoe_engine.voices.sbv2.install.flow import lean_flow
from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph

RATE_HZ = 44100
EVERYWHERE = {3: 1, 7: 1, 11: 1}


def test_equal_audio_agrees(draw):
    audio = draw(RATE_HZ)
    found = compare(audio, audio, RATE_HZ)
    assert found.snr_db == np.inf
    assert found.log_mel_distance_db == 0


def test_half_as_loud_is_six_decibels_away(draw):
    audio = draw(RATE_HZ)
    found = compare(audio, audio / 2, RATE_HZ)
    assert found.snr_db == pytest.approx(6.02, abs=0.01)
    assert found.log_mel_distance_db == pytest.approx(6.02, abs=0.01)


def test_noise_counts_where_there_is_nothing_else(draw):
    time_s = np.arange(RATE_HZ) / RATE_HZ
    tone = np.sin(2 * np.pi * 440 * time_s).astype(np.float32)
    noise = draw(RATE_HZ) * np.float32(1e-3)
    found = compare(tone, tone + noise, RATE_HZ)
    assert found.snr_db == pytest.approx(57, abs=1)
    assert found.log_mel_distance_db > compare(noise, noise + noise / 100, RATE_HZ).snr_db / 10


def test_what_is_installed_agrees_with_what_is_published(published, parts, open_graph):
    made = (parts.encoder, lean_flow(parts.flow), direct_decoder(read_decoder(parts.decoder)))
    found = check_parts(published, *map(open_graph, made), RATE_HZ)
    assert found.snr_db > 100
    assert found.log_mel_distance_db < 0.01


def test_another_flow_is_noticed(published, parts, open_graph):
    flow = lean_flow(parts.flow, quantized=True)
    with pytest.raises(UnknownGraph, match="say something else"):
        check_parts(published, *map(open_graph, (parts.encoder, flow, parts.decoder)), RATE_HZ)


def test_another_pace_is_noticed(miniature_folder, plain_folder, open_graph):
    from hayakoe_engine.voices.sbv2.install.synthesizer import split_synthesizer

    parts = split_synthesizer(plain_folder / "synthesizer.onnx")
    sessions = map(open_graph, (parts.encoder, parts.flow, parts.decoder))
    with pytest.raises(UnknownGraph, match=r"another pace|something else"):
        check_parts(miniature_folder / "synthesizer.onnx", *sessions, RATE_HZ)


def test_forms_of_a_decoder_agree_with_the_direct_one(decoder_weights, open_graph):
    direct = open_graph(direct_decoder(decoder_weights))

    def forms(stages, *fast):
        graphs = [
            fast_decoder(decoder_weights, stages, form, least_channels=EVERYWHERE)[0]
            for form in fast
        ]
        return list(map(open_graph, graphs))

    heads, tails = forms(range(1), (0,), ()), forms(range(1, 5), (1, 2), (1,), ())
    check_decoder(direct, heads, tails, 15)
    for place in range(3):
        wrong = [louder(tail) if n == place else tail for n, tail in enumerate(tails)]
        with pytest.raises(UnknownGraph, match="fast decoder says something else"):
            check_decoder(direct, heads, wrong, 15)
    for wrong in ([louder(heads[0]), heads[1]], [heads[0], louder(heads[1])]):
        with pytest.raises(UnknownGraph, match="fast decoder says something else"):
            check_decoder(direct, wrong, tails, 15)


def louder(session):
    """What gives a little more than a session."""
    return SimpleNamespace(
        run=lambda names, feeds: [value * np.float32(1.01) for value in session.run(names, feeds)]
    )


def test_a_damaged_file_is_named(parts, open_graph, tmp_path):
    damaged = tmp_path / "synthesizer.onnx"
    damaged.write_bytes(b"no graph")
    sessions = map(open_graph, (parts.encoder, parts.flow, parts.decoder))
    with pytest.raises(BadVoiceFiles, match=r"synthesizer\.onnx"):
        check_parts(damaged, *sessions, RATE_HZ)
