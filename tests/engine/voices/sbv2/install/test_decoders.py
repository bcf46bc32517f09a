from dataclasses import replace

import numpy as np
import onnx
import pytest

from hayakoe_engine.voices.sbv2.install.decoder import (
    Convolution,
    DecoderWeights,
    Stage,
    Upsampling,
    direct_decoder,
    reach_frames,
    read_decoder,
    steps_per_frame,
)
from hayakoe_engine.voices.sbv2.install.fast_decoder import fast_decoder, fast_stages_of
from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph
from hayakoe_engine.voices.sbv2.install.quantized_decoder import (
    activation_ranges,
    quantized_decoder,
)

EVERYWHERE = {3: 1, 7: 1, 11: 1}


def convolution(rng, channels_out, channels, kernel, dilation=1):
    weight = rng.standard_normal((channels_out, channels, kernel), np.float32)
    bias = rng.standard_normal(channels_out, np.float32) * np.float32(0.1)
    return Convolution(weight / np.sqrt(np.float32(channels * kernel)), bias, dilation)


def decoder_of(rates, kernels, dilations=(1, 3), up_kernels=None, channels=32):
    """A decoder with random weights."""
    rng = np.random.default_rng(5)
    stages = []
    entrance = convolution(rng, channels, 6, 7)
    for rate, up_kernel in zip(rates, up_kernels or [2 * rate for rate in rates], strict=True):
        weight = rng.standard_normal((channels, channels // 2, up_kernel), np.float32)
        bias = rng.standard_normal(channels // 2, np.float32)
        up = Upsampling(weight / np.float32(channels**0.5), bias, rate, (up_kernel - rate) // 2)
        channels //= 2
        blocks = tuple(
            tuple(
                (
                    convolution(rng, channels, channels, k, d),
                    convolution(rng, channels, channels, k),
                )
                for d in dilations
            )
            for k in kernels
        )
        stages.append(Stage(up, blocks))
    return DecoderWeights(
        entrance=entrance,
        condition=rng.standard_normal((entrance.weight.shape[0], 4), np.float32),
        condition_bias=rng.standard_normal(entrance.weight.shape[0], np.float32),
        stages=tuple(stages),
        exit=replace(convolution(rng, 1, channels, 7), bias=None),
        slope=0.1,
        last_slope=0.01,
    )


def latent(draw, decoder, frames):
    return {
        "z": draw(1, decoder.entrance.weight.shape[1], frames),
        "speaker_vector": draw(1, decoder.condition.shape[1], 1),
    }


@pytest.mark.parametrize("frames", [1, 2, 31])
def test_the_direct_decoder_is_the_published_one(
    plain_parts, decoder_weights, run, draw, snr_db, frames
):
    feeds = latent(draw, decoder_weights, frames)
    audio = run(direct_decoder(decoder_weights), **feeds)
    assert audio.shape == (1, 1, frames * decoder_weights.hop_length)
    assert snr_db(run(plain_parts.decoder, **feeds), audio) > 110


def test_the_fast_decoder_is_the_published_one(plain_parts, decoder_weights, run, draw, snr_db):
    model, multiple = fast_decoder(decoder_weights, least_channels=EVERYWHERE)
    assert multiple == 15
    for frames in (15, 45):
        feeds = latent(draw, decoder_weights, frames)
        assert snr_db(run(plain_parts.decoder, **feeds), run(model, **feeds)) > 100


def test_its_parts_make_the_whole(decoder_weights, run, draw, snr_db):
    whole, _ = fast_decoder(decoder_weights, least_channels=EVERYWHERE)
    parts = [
        fast_decoder(decoder_weights, stages, least_channels=EVERYWHERE)
        for stages in (range(2), range(2, 5))
    ]
    # Frames for the first part; for the second, rows of which the first makes 64 a frame.
    assert [multiple for _, multiple in parts] == [15, 60]
    feeds = latent(draw, decoder_weights, 15)
    hidden = run(parts[0][0], **feeds)
    assert hidden.shape == (15 * 64, decoder_weights.stages[1].channels)
    assert snr_db(run(whole, **feeds), run(parts[1][0], hidden=hidden)) > 110


@pytest.mark.parametrize("stages", [range(5), range(1), range(1, 5), range(2, 5)])
def test_a_window_depends_on_what_is_within_reach(decoder_weights, run, draw, snr_db, stages):
    part, _ = fast_decoder(decoder_weights, stages, least_channels={3: 999, 7: 999, 11: 999})
    reach = reach_frames(decoder_weights, stages)
    steps = steps_per_frame(decoder_weights, stages.start - 1)
    name = part.graph.input[0].name
    feeds = latent(draw, decoder_weights, 40)
    if stages.start:
        channels = decoder_weights.stages[stages.start - 1].channels
        feeds = {"hidden": draw(40 * steps, channels)}

    def made(start, stop):
        cut = {**feeds, name: feeds[name][start * steps : stop * steps]}
        if name == "z":
            cut["z"] = feeds["z"][:, :, start:stop]
        result = run(part, **cut)
        return result.reshape(stop - start, -1) if stages.stop == 5 else result

    per_frame = 1 if stages.stop == 5 else steps_per_frame(decoder_weights, stages.stop - 1)
    whole = made(0, 40)[18 * per_frame : 22 * per_frame]
    window = made(18 - reach, 22 + reach)[reach * per_frame : -reach * per_frame]
    assert snr_db(whole, window) > 110


def test_few_channels_are_convolved_directly(run, draw, snr_db):
    decoder = decoder_of((8, 2), (3, 7, 11), channels=32)
    model, multiple = fast_decoder(decoder)
    assert multiple == 1
    feeds = latent(draw, decoder, 4)
    assert snr_db(run(direct_decoder(decoder), **feeds), run(model, **feeds)) > 110


@pytest.mark.parametrize(
    ("decoder", "multiple"),
    [
        (decoder_of((8, 2), (3, 7, 11)), 3),
        (decoder_of((2, 2), (3, 7)), 12),
        (decoder_of((4, 2), (3, 5, 11), (1, 5)), 10),
        (decoder_of((4, 3), (3, 7), (1, 2)), 1),
        (decoder_of((8, 4, 2), (7,), (1, 3), up_kernels=(11, 4, 3)), 3),
    ],
)
def test_other_shapes_of_decoders_are_fast_as_far_as_possible(decoder, multiple, run, draw, snr_db):
    model, found = fast_decoder(decoder, least_channels=EVERYWHERE)
    assert found == multiple
    feeds = latent(draw, decoder, 2 * multiple)
    assert snr_db(run(direct_decoder(decoder), **feeds), run(model, **feeds)) > 95


def in_eight_bits(model, decoder, pieces, speaker_vector):
    ranges = activation_ranges(model, decoder, pieces, speaker_vector)
    return quantized_decoder(model, decoder, ranges)


@pytest.mark.parametrize("fast", [(), (0,), (1, 2), (2, 3, 4), (0, 4)])
def test_any_stages_may_be_left_direct(decoder_weights, run, draw, snr_db, fast):
    feeds = latent(draw, decoder_weights, 15)
    model, multiple = fast_decoder(decoder_weights, None, fast, least_channels=EVERYWHERE)
    assert multiple == (15 if fast else 1)
    assert snr_db(run(direct_decoder(decoder_weights), **feeds), run(model, **feeds)) > 100


@pytest.mark.parametrize("fast", [False, True])
def test_in_eight_bits_it_is_smaller_and_nearly_the_same(decoder_weights, run, draw, snr_db, fast):
    exact = direct_decoder(decoder_weights)
    model = exact
    if fast:
        model, _ = fast_decoder(decoder_weights, None, (2, 3, 4), least_channels=EVERYWHERE)
    feeds = latent(draw, decoder_weights, 45)
    latents = [draw(*feeds["z"].shape) for _ in range(3)]
    quantized = in_eight_bits(model, decoder_weights, latents, feeds["speaker_vector"])
    assert quantized.ByteSize() < model.ByteSize()
    assert 25 < snr_db(run(exact, **feeds), run(quantized, **feeds)) < 80


def test_parts_can_be_in_eight_bits(decoder_weights, run, draw, snr_db):
    whole = direct_decoder(decoder_weights)
    head, tail = (
        fast_decoder(decoder_weights, stages, (2, 3, 4), least_channels=EVERYWHERE)[0]
        for stages in (range(1), range(1, 5))
    )
    feeds = latent(draw, decoder_weights, 45)
    vector = feeds["speaker_vector"]
    quantized_head = in_eight_bits(head, decoder_weights, [feeds["z"]], vector)
    hidden = run(head, **feeds)
    quantized_tail = in_eight_bits(tail, decoder_weights, [hidden], vector)
    audio = run(quantized_tail, hidden=run(quantized_head, **feeds))
    assert 25 < snr_db(run(whole, **feeds), audio) < 80


def test_ranges_serve_every_form_that_differs_behind_them(decoder_weights, run, draw):
    speaker_vector = draw(1, decoder_weights.condition.shape[1], 1)
    pieces = [draw(30 * 8, decoder_weights.stages[0].channels)]
    fast, direct = (
        fast_decoder(decoder_weights, range(1, 5), form, least_channels=EVERYWHERE)[0]
        for form in ((2, 3, 4), ())
    )
    ranges = activation_ranges(fast, decoder_weights, pieces, speaker_vector)
    assert ranges == activation_ranges(direct, decoder_weights, pieces, speaker_vector)
    assert run(
        quantized_decoder(direct, decoder_weights, ranges), hidden=pieces[0]
    ) == pytest.approx(
        run(quantized_decoder(fast, decoder_weights, ranges), hidden=pieces[0]), abs=1e-4
    )


def test_stages_with_many_channels_can_be_fast():
    decoder = decoder_of((8, 2, 2), (3, 7, 11), channels=256)
    assert fast_stages_of(decoder) == (0, 1, 2)
    assert fast_stages_of(decoder, {3: 64, 7: 64, 11: 128}) == (0, 1)
    assert fast_stages_of(decoder_of((8, 2), (3, 7, 11), channels=32)) == ()


def test_silence_can_be_calibrated_with(decoder_weights, run, draw):
    feeds = latent(draw, decoder_weights, 15)
    still = [np.zeros_like(feeds["z"])]
    quantized = in_eight_bits(
        direct_decoder(decoder_weights), decoder_weights, still, 0 * feeds["speaker_vector"]
    )
    assert np.isfinite(run(quantized, **feeds)).all()


def changed(model, change):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in copy.graph.node:
        change(node)
    return copy


def other_type(old, new):
    def change(node):
        node.op_type = new if node.op_type == old else node.op_type

    return change


def other_attribute(name, value):
    def change(node):
        for attribute in node.attribute:
            if attribute.name == name:
                new = onnx.helper.make_attribute(name, value)
                attribute.CopyFrom(new)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_type("Tanh", "Sigmoid"), "not by Tanh"),
        (other_type("Div", "Mul"), "mean"),
        (other_type("Div", "Sub"), "mean|not by Add"),
        (other_type("ConvTranspose", "Conv"), "no plain"),
        (other_attribute("group", 2), "no plain"),
        (other_attribute("pads", [0, 0]), "no plain"),
    ],
)
def test_a_foreign_decoder_is_said_to_be_one(plain_parts, change, message):
    with pytest.raises(UnknownGraph, match=message):
        read_decoder(changed(plain_parts.decoder, change))
