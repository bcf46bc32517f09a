"""What a published synthesizer takes, under the names of either exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

SYNTHESIZER_INPUTS: Final = (
    "x",
    "x_lengths",
    "sid",
    "tone",
    "language",
    "bert",
    "style_vec",
    "noise_scale",
    "length_scale",
    "noise_scale_w",
    "sdp_ratio",
)
_OTHER_NAMES: Final = {"x": "x_tst", "x_lengths": "x_tst_lengths", "sid": "sids", "tone": "tones"}
"""In AIVMX files."""


def names_in(graph_inputs: Collection[str]) -> dict[str, str]:
    """The name of each input in a graph, by its name in ``SYNTHESIZER_INPUTS``.

    Args:
        graph_inputs: Names of the graph's inputs; one that is not there keeps its own name.
    """
    names = {}
    for name in SYNTHESIZER_INPUTS:
        other = _OTHER_NAMES.get(name, name)
        names[name] = other if other in graph_inputs and name not in graph_inputs else name
    return names


def feeds_for(
    session: InferenceSession, values: Mapping[str, NDArray[np.generic]]
) -> dict[str, NDArray[np.generic]]:
    """What a session is run with.

    Args:
        session: A published synthesizer.
        values: By the names in ``SYNTHESIZER_INPUTS``; one number is an array of one.
    """
    shapes = {item.name: item.shape for item in session.get_inputs()}
    names = names_in(shapes)
    return {
        names[name]: value.reshape(()) if shapes.get(names[name]) == [] else value
        for name, value in values.items()
    }
