"""Masks that say nothing: a published graph speaks one utterance, so no place in it is padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from onnx import NodeProto

    from hayakoe_engine.voices.sbv2.install.graph import Graph

_SAME_VALUES: Final = frozenset({"Unsqueeze", "Squeeze", "Cast", "Transpose", "Identity"})


def bypass_masks(graph: Graph, durations: str) -> dict[str, str]:
    """What may be taken instead of masked tensors.

    A mask of lengths is ``arange(longest) < length``, which is true everywhere if there is only
    one length. The comparison with cumulated durations, which has the same form, is no mask.

    Args:
        graph: A whole synthesizer.
        durations: Tensor of the frames per phone.

    Returns:
        Output of a node that does nothing, to the input that it passes on.
    """
    before_durations = graph.ancestors(durations)
    ones = {
        node.output[0]
        for node in graph.nodes("Less")
        if _is_mask_of_length(graph, node, before_durations)
    }
    zeros: set[str] = set()
    aliases: dict[str, str] = {}
    for node in graph.model.graph.node:
        inputs = [aliases.get(name, name) for name in node.input]
        output = node.output[0]
        masks = [name in ones for name in inputs]
        if node.op_type in _SAME_VALUES:
            if masks[0]:
                ones.add(output)
            if inputs[0] in zeros:
                zeros.add(output)
        elif node.op_type == "Mul" and all(masks):
            ones.add(output)
        elif node.op_type == "Mul" and any(masks):
            aliases[output] = inputs[masks.index(False)]
        elif node.op_type in {"Equal", "Not"} and any(masks):
            zeros.add(output)
        elif node.op_type == "Where" and inputs[0] in zeros:
            aliases[output] = inputs[2]
    return aliases


def _is_mask_of_length(graph: Graph, comparison: NodeProto, before_durations: set[str]) -> bool:
    places, length = comparison.input
    made_by = map(graph.producer, graph.ancestors(length) - before_durations)
    return _counts_up(graph, places) and not any(
        node is not None and node.op_type == "CumSum" for node in made_by
    )


def _counts_up(graph: Graph, tensor: str) -> bool:
    node = graph.producer(tensor)
    while node is not None and node.op_type in _SAME_VALUES:
        node = graph.producer(node.input[0])
    return node is not None and node.op_type == "Range"
