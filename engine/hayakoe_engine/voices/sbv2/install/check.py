"""Whether installed graphs say what the published ones say, and how near they come to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import onnxruntime as ort

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.agreement import Agreement, compare, snr_db
from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph
from hayakoe_engine.voices.sbv2.install.synthesizer import ENCODER_INPUTS
from hayakoe_engine.voices.sbv2.synthesizer_inputs import feeds_for

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    Feeds = Mapping[str, NDArray[np.generic]]

EXACT_SNR_DB: Final = 80.0
"""Installed graphs that compute in float32 come nearer than this to the published ones."""

_PHONES: Final = 112
_TONES: Final = (6, 7)
_LANGUAGE: Final = 1
_EXAMPLES: Final = 3
_PHONES_OF_EXAMPLE: Final = 41
_FRAMES_OF_EXAMPLE: Final = 30


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """An utterance and what it was made of, without noise.

    Attributes:
        durations: Frames per phone, int64 ``[P]``.
        z: float32 ``[1, channels, frames]``.
        speaker_vector: float32 ``[1, speaker channels, 1]``.
        audio: float32 ``[samples]``.
    """

    durations: NDArray[np.int64]
    z: NDArray[np.float32]
    speaker_vector: NDArray[np.float32]
    audio: NDArray[np.float32]


def example_feeds(encoder: InferenceSession, count: int = _EXAMPLES) -> list[Feeds]:
    """Random utterances for an encoder; always the same ones."""
    widths = {item.name: item.shape[1] for item in encoder.get_inputs() if len(item.shape) > 1}
    return random_utterances(widths["bert"], widths["style"], count)


def random_utterances(bert_width: int, style_width: int, count: int = _EXAMPLES) -> list[Feeds]:
    """Random utterances for an encoder of these widths; always the same ones."""
    rng = np.random.default_rng(0)
    length = _PHONES_OF_EXAMPLE
    return [
        {
            "phones": rng.integers(0, _PHONES, (1, length)),
            "tones": rng.choice(_TONES, (1, length)),
            "languages": np.full((1, length), _LANGUAGE),
            "bert": rng.standard_normal((1, bert_width, length), np.float32),
            "style": rng.standard_normal((1, style_width), np.float32) * np.float32(0.3),
            "speaker": np.zeros(1, np.int64),
            "noise_w": np.zeros(1, np.float32),
            "length_scale": np.ones(1, np.float32),
            "sdp_ratio": np.full(1, 0.5, np.float32),
        }
        for _ in range(count)
    ]


def speak(
    encoder: InferenceSession, flow: InferenceSession, decoder: InferenceSession, feeds: Feeds
) -> Spoken:
    """Say an utterance without noise, whole.

    Args:
        encoder: Of a voice.
        flow: Of it.
        decoder: Of it, for any number of frames.
        feeds: Of the encoder, without noise.
    """
    still = np.zeros((1, 2, feeds["phones"].shape[1]), np.float32)
    encoded = encoder.run(
        ["durations", "mean", "speaker_vector"], {**feeds, "noise_durations": still}
    )
    durations, mean, vector = encoded
    frames = durations[0, 0].astype(np.int64)
    z_p = np.repeat(mean, frames, axis=2)
    (z,) = flow.run(["z"], {"z_p": z_p, "speaker_vector": vector})
    (audio,) = decoder.run(["audio"], {"z": z, "speaker_vector": vector})
    return Spoken(frames, z, vector, audio[0, 0])


def check_parts(
    published: Path,
    encoder: InferenceSession,
    flow: InferenceSession,
    decoder: InferenceSession,
    sample_rate_hz: int,
) -> Agreement:
    """Compare the parts of a synthesizer with the whole.

    Args:
        published: ``synthesizer.onnx``.
        encoder: Made of it, as the flow and the decoder, without quantization.
        flow: See above.
        decoder: For any number of frames.
        sample_rate_hz: Of the voice.

    Raises:
        BadVoiceFiles: ONNX Runtime cannot run the file.
        UnknownGraph: They do not say the same.
    """
    examples = example_feeds(encoder)
    # Whoever says something else in the end may still round all durations to the same number,
    # and a duration at the edge of the next number may fall on either side of it.
    for feeds, reference in zip(examples, speak_published(published, examples), strict=True):
        spoken = speak(encoder, flow, decoder, feeds)
        if len(spoken.audio) == len(reference):
            found = compare(reference, spoken.audio, sample_rate_hz)
            if found.snr_db < EXACT_SNR_DB:
                raise UnknownGraph(f"its parts say something else: {found.snr_db:.0f} dB")
            return found
    raise UnknownGraph("its parts speak at another pace")


def check_decoder(
    direct: InferenceSession,
    heads: Collection[InferenceSession],
    tails: Collection[InferenceSession],
    frame_multiple: int,
) -> None:
    """Compare a decoder in two parts, each in several forms, with the direct one.

    Args:
        direct: Takes any number of frames.
        heads: Forms of the first part.
        tails: Forms of the second, which reads what the first gives.
        frame_multiple: Numbers of frames that they take.

    Raises:
        UnknownGraph: They do not say the same.
    """
    rng = np.random.default_rng(0)
    sizes = {item.name: item.shape[1] for item in direct.get_inputs()}
    frames = -(-_FRAMES_OF_EXAMPLE // frame_multiple) * frame_multiple
    feeds = {
        "z": rng.standard_normal((1, sizes["z"], frames), np.float32),
        "speaker_vector": rng.standard_normal((1, sizes["speaker_vector"], 1), np.float32),
    }
    (reference,) = direct.run(["audio"], feeds)
    first, *others = (head.run(["hidden"], feeds)[0] for head in heads)
    # All first parts before one of the second; the first of them before all others.
    pairs = [(hidden, next(iter(tails))) for hidden in others] + [(first, tail) for tail in tails]
    for hidden, tail in pairs:
        (made,) = tail.run(["audio"], {"hidden": hidden})
        found = snr_db(reference, made)
        if found < EXACT_SNR_DB:
            raise UnknownGraph(f"its fast decoder says something else: {found:.0f} dB")


def speak_published(path: Path, examples: Iterable[Feeds]) -> Iterator[NDArray[np.float32]]:
    """What the published graph makes of each utterance, when it is asked for: float32 ``[n]``.

    Args:
        path: ``synthesizer.onnx``.
        examples: Utterances, as for an encoder, but without noise.

    Raises:
        BadVoiceFiles: ONNX Runtime cannot run the file.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # It runs a few times only, and its weights are large.
    options.add_session_config_entry("session.disable_prepacking", "1")
    session = None
    for feeds in examples:
        inputs = {theirs: feeds[ours] for theirs, ours in ENCODER_INPUTS.items()}
        inputs["x_lengths"] = np.array([feeds["phones"].shape[1]])
        inputs["noise_scale"] = np.zeros(1, np.float32)
        try:
            session = session or ort.InferenceSession(path, options, ["CPUExecutionProvider"])
            audio = session.run(None, feeds_for(session, inputs))[0].reshape(-1)
        except Exception as error:  # its errors have no common type
            raise BadVoiceFiles(f"{path}: ONNX Runtime cannot run it: {error}") from error
        yield audio
