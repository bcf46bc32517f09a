"""How long the HTS engine will speak each full-context label, without synthesising it.

An ``.htsvoice`` file holds a text header and a data part. For durations the header names two byte
ranges of the data part: a decision tree as text, whose leaves are numbered from 1, and for each
leaf the mean and the variance of the number of frames of each state, as little-endian float32.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache, partial
from os.path import commonprefix
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np

from hayakoe_engine.errors import BadVoiceFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    _Search = Callable[[str], object]
    _Floats = NDArray[np.float64]

__all__ = ["DurationModel"]

_MAX_FILE_BYTES: Final = 64 * 1024 * 1024
_MAX_STATES: Final = 100
_MAX_STATE_FRAMES: Final = 10_000
_CACHED_LABELS: Final = 4096
_SPEEDS: Final = (0.01, 100.0)

_RANGE: Final = re.compile(r"(\d{1,12})-(\d{1,12})")
_QUESTION: Final = re.compile(r'QS\s+(\S+)\s*\{\s*("[^"]+"(?:\s*,\s*"[^"]+")*)\s*\}\s*')
_LEAF: Final = re.compile(r'"[^"]*?(\d{1,9})"')
_TREE_HEAD: Final = "{*}[2]"


class _Node(NamedTuple):
    """A question, which finds something or nothing in a label, and where to go then.

    A branch is an index of a node, or ``~leaf``.
    """

    question: _Search
    no: int
    yes: int


class DurationModel:
    """The durations of one voice. Safe to use from several threads."""

    def __init__(
        self, tree: list[_Node], means: _Floats, variances: _Floats, clock: tuple[int, int]
    ) -> None:
        """``means`` and ``variances`` in frames, leaves x states; ``clock`` in Hz and samples."""
        self._means = means
        self._variances = variances
        self._sample_rate_hz, self._frame_period_samples = clock
        frames = np.maximum(np.floor(means + 0.5), 1.0).sum(axis=1)
        self._leaf_frames: list[int] = frames.astype(np.int64).tolist()
        self._leaf = lru_cache(maxsize=_CACHED_LABELS)(partial(_find_leaf, tree))

    @classmethod
    def load(cls, path: str | bytes | os.PathLike[str]) -> Self:
        """Read an ``.htsvoice`` file.

        Raises:
            BadVoiceFiles: It cannot be read, or is damaged, or is something else.
        """
        file = Path(os.fsdecode(path))
        try:
            header, data = _read(file)
            clock = (_number(header, "SAMPLING_FREQUENCY"), _number(header, "FRAME_PERIOD"))
            states = _number(header, "NUM_STATES", _MAX_STATES)
            means, variances = _parse_pdfs(_section(header, data, "DURATION_PDF"), states)
            tree = _parse_tree(_section(header, data, "DURATION_TREE").decode(), len(means))
        except (OSError, ValueError) as error:
            raise BadVoiceFiles(f"cannot use the voice file {file}: {error}") from error
        return cls(tree, means, variances, clock)

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second of the voice."""
        return self._sample_rate_hz

    @property
    def frame_period_samples(self) -> int:
        """Samples per frame."""
        return self._frame_period_samples

    @property
    def n_states(self) -> int:
        """States per label, each at least one frame long."""
        return int(self._means.shape[1])

    def label_frames(self, labels: Sequence[str], speed: float = 1.0) -> list[int]:
        """Frames of each label when the engine speaks exactly these labels at this speed.

        At speed 1 a label is as long in any company. At any other speed the engine fits the
        whole list to its length, so that a label's frames depend on the rest of the list.
        """
        if not _SPEEDS[0] <= speed <= _SPEEDS[1]:
            raise ValueError(f"speed must lie in {_SPEEDS[0]} to {_SPEEDS[1]}, not {speed}")
        leaves = [self._leaf(label) for label in labels]
        if speed == 1.0 or not leaves:
            return [self._leaf_frames[leaf] for leaf in leaves]
        states = _fit(self._means[leaves].ravel(), self._variances[leaves].ravel(), speed)
        frames: list[int] = states.reshape(len(leaves), -1).sum(axis=1).astype(np.int64).tolist()
        return frames


def _find_leaf(tree: list[_Node], label: str) -> int:
    at = 0
    while at >= 0:
        question, no, yes = tree[at]
        at = yes if question(label) else no
    return ~at


def _fit(means: _Floats, variances: _Floats, speed: float) -> _Floats:
    """Frames of each state (whole numbers) so that all last their mean length over ``speed``."""
    # The engine adds from left to right; numpy's sum and Python's (3.12) add in other ways.
    mean = float(means.cumsum()[-1])
    target = max(int(mean / speed + 0.5), 1)
    if target <= len(means):
        return np.ones_like(means)
    rho = (target - mean) / float(variances.cumsum()[-1])
    frames = np.maximum(np.floor(means + rho * variances + 0.5), 1.0)
    missing = target - int(frames.sum())
    step = 1.0 if missing > 0 else -1.0
    cost = np.abs(rho - (frames + step - means) / variances)
    if missing < 0:
        cost[frames <= 1.0] = np.inf
    for _ in range(abs(missing)):
        state = cost.argmin()
        frames[state] += step
        too_short = frames[state] + step < 1.0
        deviation = (frames[state] + step - means[state]) / variances[state]
        cost[state] = np.inf if too_short else abs(rho - deviation)
    return frames


def _read(file: Path) -> tuple[dict[str, str], bytes]:
    """Header lines ``KEY:VALUE`` and the data part."""
    with file.open("rb") as stream:
        content = stream.read(_MAX_FILE_BYTES + 1)
    head, mark, data = content.partition(b"\n[DATA]\n")
    if len(content) > _MAX_FILE_BYTES or not head.startswith(b"[GLOBAL]\n") or not mark:
        raise ValueError("it is no HTS voice")
    lines = head.decode(errors="replace").splitlines()
    return {key: value for key, _, value in (line.partition(":") for line in lines)}, data


def _number(header: Mapping[str, str], key: str, limit: int = 1_000_000) -> int:
    value = header.get(key, "")
    if not re.fullmatch(r"[0-9]{1,9}", value) or not 0 < int(value) <= limit:
        raise ValueError(f"{key} is {value!r}, not a number from 1 to {limit}")
    return int(value)


def _section(header: Mapping[str, str], data: bytes, key: str) -> bytes:
    value = header.get(key, "")
    found = _RANGE.fullmatch(value)
    first, last = (int(found[1]), int(found[2])) if found else (1, 0)
    if not first <= last < len(data):
        raise ValueError(f"{key} is {value!r}, not a range within {len(data)} bytes of data")
    return data[first : last + 1]


def _parse_pdfs(content: bytes, states: int) -> tuple[_Floats, _Floats]:
    """Means and variances, leaves x states, in frames."""
    leaves = int.from_bytes(content[:4], "little")
    if not leaves or len(content) != 4 + leaves * 2 * states * 4:
        raise ValueError(f"{len(content)} bytes of durations do not hold {leaves} leaves")
    values = np.frombuffer(content, "<f4", offset=4).reshape(leaves, 2, states)
    if not np.all((values >= 0) & (values <= _MAX_STATE_FRAMES)) or not np.all(values[:, 1] > 0):
        raise ValueError("a duration is out of all bounds")
    return values[:, 0].astype(np.float64), values[:, 1].astype(np.float64)


def _parse_tree(text: str, leaves: int) -> list[_Node]:
    questions: dict[str, _Search] = {}
    rows: list[list[str]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if found := _QUESTION.fullmatch(line):
            questions[found[1]] = _compile(re.findall(r'"([^"]+)"', found[2]))
        else:
            rows.append(line.split())
    match rows:
        case [[head], [only]] if head == _TREE_HEAD:
            leaf = _branch(only, {}, leaves)
            return [_Node(_compile(["*"]), leaf, leaf)]
        case [[head], ["{"], *inner, ["}"]] if head == _TREE_HEAD and inner:
            return _parse_nodes(inner, questions, leaves)
    raise ValueError("the duration tree is not one tree for all labels")


def _parse_nodes(
    rows: list[list[str]], questions: Mapping[str, _Search], leaves: int
) -> list[_Node]:
    """Nodes from rows of number, question, where to go on no, where on yes."""
    indices = {row[0]: index for index, row in enumerate(rows)}
    nodes: list[_Node] = []
    for row in rows:
        if len(row) != 4 or row[1] not in questions:
            raise ValueError(f"the duration tree has a bad node {' '.join(row)[:80]!r}")
        no, yes = (_branch(name, indices, leaves) for name in row[2:])
        nodes.append(_Node(questions[row[1]], no, yes))
    # Where each node is reached once and the first never, no walk from the first can go round.
    reached = sorted(at for node in nodes for at in (node.no, node.yes) if at >= 0)
    if reached != list(range(1, len(rows))):
        raise ValueError("the duration tree is no tree")
    return nodes


def _branch(name: str, indices: Mapping[str, int], leaves: int) -> int:
    """A node's index or ``~leaf``, from a node's number or a leaf's name."""
    if name in indices:
        return indices[name]
    found = _LEAF.fullmatch(name)
    if not found or not 1 <= int(found[1]) <= leaves:
        raise ValueError(f"the duration tree leads to {name[:80]!r}, which is not there")
    return ~(int(found[1]) - 1)


def _compile(globs: Sequence[str]) -> _Search:
    """A search for any of several globs, where ``*`` is any text and ``?`` any one character."""
    # A search is several times as fast where what the globs begin and end with stands outside
    # the alternatives: there are a score of the kind ``*^a-*`` in many questions.
    start = commonprefix(globs)  # noqa: RUF071 - these are no paths
    rests = [glob.removeprefix(start) for glob in globs]
    end = commonprefix([rest[::-1] for rest in rests])[::-1]  # noqa: RUF071
    middles = "|".join(_expression(rest.removesuffix(end)) for rest in rests)
    group = f"(?:{middles})" if middles else ""
    whole = rf"\A{_expression(start)}{group}{_expression(end)}\Z"
    return re.compile(whole.removeprefix(r"\A.*").removesuffix(r".*\Z"), re.DOTALL).search


def _expression(glob: str) -> str:
    signs = {"*": ".*", "?": "."}
    return "".join(signs.get(char) or re.escape(char) for char in glob)
