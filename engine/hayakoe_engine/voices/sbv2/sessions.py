"""ONNX Runtime sessions that open fast and keep their weights in mapped files.

A graph is optimised for the machine once, and written beside its weights in the form in which the
kernels want them; from then on opening it is mapping a file. Those copies depend on the CPU and on
the version of ONNX Runtime, so they live in a folder of their own, which may be deleted any time.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import platform
import re
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import onnxruntime as ort

from hayakoe_engine.disk import locked
from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.artifact_record import ArtifactRecord, made_files
from hayakoe_engine.voices.sbv2.artifacts import FORMAT, Use, lock_of

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, SessionOptions

_LOG = logging.getLogger(__name__)

_TUNED_GRAPH: Final = "graph.onnx"
_MAPPED_FROM_BYTES: Final = (1 << 10, 1 << 14)
"""Size of the smallest tensor that is kept in the mapped file; the second is tried where the small
tensors, which may be of any size, leave the large ones at places that do not fit."""
_ALIGNED_BYTES: Final = 64
_PACKED: Final = re.compile(rb"\|(\d+);\d+;\d+")
"""Where packed weights begin, how long they are, and a checksum."""
_ERRORS_ONLY: Final = 3
_CPU: Final = ["CPUExecutionProvider"]
_GROW_BY_DOUBLING: Final = 0
_SPIN_US: Final = 50

_allocator_lock = threading.Lock()
_allocator_is_shared = False


class SessionOpener:
    """Opens the graphs of all voices of an engine.

    Args:
        tuned: Folder for the copies made for this machine; None, or one that cannot be written,
            opens the graphs as they are, which takes longer and more memory.
    """

    def __init__(self, tuned: Path | None) -> None:
        self._tuned = None if tuned is None else tuned / machine_name()
        self._is_told = threading.Lock()
        self._uses: dict[Path, Use] = {}

    def open(self, graph: Path, *, threads: int) -> InferenceSession:
        """Open a graph.

        Args:
            graph: Installed file; the folder it lies in is named after its content.
            threads: That one run may use.

        Raises:
            BadVoiceFiles: ONNX Runtime cannot open it.
        """
        session = self._open(graph, _options(threads))
        _give_back()
        return session

    def notes(self, graph: Path, name: str) -> Path | None:
        """File for what is true of a voice's graphs on this machine; None if nothing is kept."""
        return None if self._tuned is None else self._tuned / graph.parent.name / name

    def _open(self, graph: Path, options: SessionOptions) -> InferenceSession:
        tuned = self._tune(graph)
        if tuned is not None:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            try:
                return ort.InferenceSession(tuned, options, providers=_CPU)
            except Exception as error:  # noqa: BLE001 - its errors have no common type
                _LOG.warning("%s is damaged and will be made again: %s", tuned, error)
                shutil.rmtree(tuned.parent, ignore_errors=True)
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        return _open(graph, options)

    def _tune(self, graph: Path) -> Path | None:
        """The copy for this machine, made if there is none yet; None if it cannot be made."""
        if self._tuned is None:
            return None
        folder = self._tuned / graph.parent.name / graph.stem
        if folder.is_dir():
            self._uses.setdefault(folder.parent, Use(folder.parent))
            return folder / _TUNED_GRAPH
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._uses[folder.parent] = Use(folder.parent)
            with locked(lock_of(folder)):
                if not folder.is_dir():
                    _make_tuned(graph, folder)
        except (OSError, BadVoiceFiles) as error:
            if self._is_told.acquire(blocking=False):  # for ever: once is enough
                _LOG.warning(
                    "no copies for this machine, so voices take longer to open and more memory: %s",
                    error,
                )
            return None
        return folder / _TUNED_GRAPH


def machine_name() -> str:
    """Name of what a tuned copy depends on: the CPU's abilities and ONNX Runtime's version."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    abilities = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    digest = hashlib.sha256(" ".join(sorted(abilities.split())).encode()).hexdigest()[:8]
    return f"{platform.machine()}-{digest}-ort{ort.__version__}"


def _make_tuned(graph: Path, folder: Path) -> None:
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _write_tuned(graph, making / _TUNED_GRAPH)
        ArtifactRecord(FORMAT, files=made_files(making)).write(making)
        making.replace(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _write_tuned(graph: Path, target: Path) -> None:
    for mapped_from_bytes in _MAPPED_FROM_BYTES:
        _write_optimized(graph, target, mapped_from_bytes, is_packed=True)
        if _is_aligned(target):
            return
    _write_optimized(graph, target, _MAPPED_FROM_BYTES[0], is_packed=False)


def _write_optimized(graph: Path, target: Path, mapped_from_bytes: int, *, is_packed: bool) -> None:
    options = _options(threads=1)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.optimized_model_filepath = str(target)
    prefix = "session.optimized_model_external_initializers_"
    options.add_session_config_entry(f"{prefix}file_name", f"{target.name}.data")
    options.add_session_config_entry(f"{prefix}min_size_in_bytes", str(mapped_from_bytes))
    options.add_session_config_entry(
        "session.save_external_prepacked_constant_initializers", str(int(is_packed))
    )
    _open(graph, options)


def _is_aligned(graph: Path) -> bool:
    """Whether all packed weights begin where the kernels need them to.

    ONNX Runtime puts tensors one after another into the file, maps it, and gives kernels that load
    64 bytes at a time what may begin anywhere: the process dies. The graph says where they begin.
    """
    begins = _PACKED.findall(graph.read_bytes())
    return all(int(begin) % _ALIGNED_BYTES == 0 for begin in begins)


def _open(graph: Path, options: SessionOptions) -> InferenceSession:
    try:
        return ort.InferenceSession(graph, options, providers=_CPU)
    except Exception as error:
        raise BadVoiceFiles(f"{graph}: ONNX Runtime cannot open it: {error}") from error


def _options(threads: int) -> SessionOptions:
    _share_allocator()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Every sentence has other shapes, so a plan of the memory for the last one helps nobody; and
    # planning which tensor takes whose place is four fifths of the time that opening takes, while
    # the pool gives back what a tensor leaves all the same.
    options.enable_mem_pattern = False
    options.enable_mem_reuse = False
    options.add_session_config_entry("session.use_env_allocators", "1")
    # From one node to the next a thread waits awake, for being woken takes longer than most nodes
    # do; but not for longer, as that takes the CPU from other windows.
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(_SPIN_US))
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _share_allocator() -> None:
    """Let all sessions of the process draw from one pool of memory.

    In few large pieces tensors of any size find a place; in pieces made to measure for one they
    leave gaps, which was a third more. What of a piece is never written to takes no memory.
    """
    global _allocator_is_shared  # noqa: PLW0603 - ONNX Runtime's own registry is global too
    with _allocator_lock:
        if _allocator_is_shared:
            return
        memory = ort.OrtMemoryInfo(
            "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
        )
        arena = ort.OrtArenaCfg({"arena_extend_strategy": _GROW_BY_DOUBLING})
        ort.create_and_register_allocator(memory, arena)
        _allocator_is_shared = True


def _give_back() -> None:
    """Give back what reading the graph took; by itself the C library would keep it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc only
    if trim is not None:
        trim(0)
