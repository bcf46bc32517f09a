"""In which form the decoder of a voice is run on a machine.

Fast convolutions multiply less and move more, so whether they pay depends on the machine and on how
many channels they have. So the install step writes each part of the decoder in several forms, which
share their weights: with fast convolutions in all stages that can have them, in all of them but the
last, and so on; for the fewer channels a stage has, and the last has the fewest, the less there is
to gain. All forms are compared with the direct decoder when they are written, and timed.

That is done on the machine that installs the voice, and written into its manifest; the graphs are
the same everywhere. On another machine, to which the voice came with a cache or an image, they are
timed again when it is opened for the first time. That takes a few seconds, and is written down
beside the copies tuned for that machine. Where nothing can be written, the form in the manifest is
taken: seconds at every start would cost more than the better form gives.

Sentences are cut into the same windows in every form, but for the first one, whose size depends on
how fast the decoder is. Samples differ by what float32 rounds; a remembered sentence is said in the
form in which it was made, so the form is a part of what it is remembered by.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from hayakoe_engine.disk import locked, write_whole
from hayakoe_engine.voices.sbv2.decoder_timing import sample_latent
from hayakoe_engine.voices.sbv2.installed import (
    HEAD,
    HEAD_STAGES,
    TAIL,
    WHOLE_DECODER,
    DecoderForm,
    part_file,
)
from hayakoe_engine.voices.sbv2.sessions import SessionOpener, machine_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from hayakoe_engine.voices.sbv2.installed import VoiceManifest

    Form: TypeAlias = tuple[int, ...]
    Sessions: TypeAlias = Mapping[Form, InferenceSession]

_LOG = logging.getLogger(__name__)

_NOTES: Final = "decoder-form.json"
_FRAMES: Final = 30
"""About as many as the first windows of a sentence have."""
_RUNS: Final = 3
_WORTH_A_CHANGE: Final = 0.95
"""With less to gain it is by chance which form is the faster one."""


def forms_of(fast_stages: Iterable[int]) -> tuple[list[Form], list[Form]]:
    """The forms of the decoder's first part, and of its second: the stages that are fast in each.

    Args:
        fast_stages: Those that can be.

    Returns:
        For each part, first the form with most of them.
    """
    stages = tuple(fast_stages)
    head = tuple(stage for stage in stages if stage < HEAD_STAGES)
    tail = tuple(stage for stage in stages if stage >= HEAD_STAGES)
    of_head, of_tail = (
        [part[:count] for count in range(len(part), -1, -1)] for part in (head, tail)
    )
    return of_head, of_tail


def open_forms(folder: Path, fast_stages: Iterable[int]) -> tuple[Sessions, Sessions]:
    """Open the decoder's parts in all forms, to be run on one thread.

    No copies for this machine are made: most forms are not needed again.

    Args:
        folder: Installed graphs.
        fast_stages: Stages that can have fast convolutions.

    Raises:
        BadVoiceFiles: ONNX Runtime cannot open them.
    """
    opener = SessionOpener(None)
    heads, tails = forms_of(fast_stages)
    return (
        {form: opener.open(folder / part_file(HEAD, form), threads=1) for form in heads},
        {form: opener.open(folder / part_file(TAIL, form), threads=1) for form in tails},
    )


def fastest_form(heads: Sessions, tails: Sessions, multiple: int) -> DecoderForm:
    """Find out which form is the fastest on this machine.

    Args:
        heads: The decoder's first part in all its forms, the one with most fast stages first;
            each runs on one thread.
        tails: The second part, likewise.
        multiple: Latent lengths that they take.
    """
    first = next(iter(heads.values()))
    frames, feeds = sample_latent(first, _FRAMES, multiple)
    (hidden,) = first.run(None, feeds)
    head_costs_s = _costs_s(heads, feeds)
    tail_costs_s = _costs_s(tails, {"hidden": hidden})
    return DecoderForm(
        machine=machine_name(),
        fast_stages=_fastest(head_costs_s) + _fastest(tail_costs_s),
        frame_costs_s={
            part_file(part, form): cost_s / frames
            for part, costs_s in ((HEAD, head_costs_s), (TAIL, tail_costs_s))
            for form, cost_s in costs_s.items()
        },
    )


def with_form_for_here(
    manifest: VoiceManifest, folder: Path, opener: SessionOpener
) -> VoiceManifest:
    """The manifest of a voice, with the form of its decoder for this machine.

    Args:
        manifest: As it was installed.
        folder: Its graphs.
        opener: Knows where is written down what is true of this machine.

    Raises:
        BadVoiceFiles: ONNX Runtime cannot open the graphs.
    """
    notes = opener.notes(folder / WHOLE_DECODER, _NOTES)
    if notes is None or manifest.decoder_form.machine == machine_name():
        return manifest
    form = _read(notes)
    if form is None:
        try:
            with locked(notes.with_name(f".{notes.name}.lock")):
                form = _read(notes) or _find_out(manifest, folder)
                write_whole(notes, json.dumps(asdict(form), indent=1).encode())
        except OSError:
            return manifest
    return replace(manifest, decoder_form=form)


def _find_out(manifest: VoiceManifest, folder: Path) -> DecoderForm:
    _LOG.info("timing the decoder of %s on this machine, once", folder.name)
    return fastest_form(*open_forms(folder, manifest.fast_stages), manifest.frame_multiple)


def _costs_s(sessions: Sessions, feeds: Mapping[str, NDArray[np.float32]]) -> dict[Form, float]:
    """CPU time that each takes."""
    costs_s: dict[Form, list[float]] = {form: [] for form in sessions}
    for _ in range(_RUNS + 1):
        for form, session in sessions.items():  # in turns, so that each has the same luck
            # Of this thread, for neither other programs nor other voices are to count.
            begun_s = time.thread_time()
            session.run(None, feeds)
            costs_s[form].append(time.thread_time() - begun_s)
    return {form: min(runs[1:]) for form, runs in costs_s.items()}


def _fastest(costs_s: Mapping[Form, float]) -> Form:
    """The one with most fast stages, unless another one is clearly faster."""
    usual = next(iter(costs_s))
    best = min(costs_s, key=costs_s.__getitem__)
    return best if costs_s[best] < _WORTH_A_CHANGE * costs_s[usual] else usual


def _read(notes: Path) -> DecoderForm | None:
    try:
        return DecoderForm.of_json(json.loads(notes.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
