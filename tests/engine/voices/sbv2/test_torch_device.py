"""A device whose memory is used up, that is lost, or that is not what torch is built for."""

import logging
import warnings
import weakref

import pytest

torch = pytest.importorskip("torch")

from hayakoe_engine.errors import BadOption, InferenceFailed  # noqa: E402
from hayakoe_engine.voices.sbv2.torch import device as devices  # noqa: E402
from hayakoe_engine.voices.sbv2.torch.batching import Batcher  # noqa: E402
from hayakoe_engine.voices.sbv2.torch.device import open_device  # noqa: E402
from hayakoe_engine.voices.sbv2.torch.health import Health  # noqa: E402

MORE_THAN_THERE_IS = 1 << 58
NO_KERNELS = "CUDA error: no kernel image is available for execution on the device"


@pytest.fixture
def device():
    return open_device("torch-cpu")


def test_too_little_memory_is_said_so_after_a_second_try(device):
    tries = []

    def run(_):
        tries.append(1)
        return torch.empty(MORE_THAN_THERE_IS)

    with pytest.raises(InferenceFailed, match="the device has too little memory: ") as raised:
        device.guarded(run)([])
    assert "neural.memory_mb" in raised.value.hint
    assert len(tries) == 2


def test_memory_that_is_there_at_the_second_try_is_enough(device, monkeypatch):
    sizes = [MORE_THAN_THERE_IS]
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: sizes.append(3))
    assert device.guarded(lambda _: torch.zeros(sizes[-1]).tolist())([]) == [0.0] * 3


def test_a_batch_that_does_not_fit_is_computed_row_by_row(device):
    def run(rows):
        if len(rows) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore")
        return [10 * row for row in rows]

    batcher = Batcher(device.gate, device.guarded(run), lambda _: 1, max_cells=10)
    tickets = [ticket_of(batcher, row) for row in (1, 2, 3)]
    batcher._compute(tickets)
    assert [ticket.outcome for ticket in tickets] == [10, 20, 30]


def ticket_of(batcher, row):
    from hayakoe_engine.voices.sbv2.torch.batching import _Ticket

    return _Ticket(batcher, row, 1)


def test_what_has_failed_holds_no_memory(device):
    held = []

    def run(_):
        values = torch.ones(3)
        held.append(weakref.ref(values))
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(InferenceFailed) as raised:
        device.guarded(run)([])
    assert raised.value is not None
    assert [known() for known in held] == [None, None]


def test_a_device_that_answers_no_more_is_not_asked_again(caplog):
    def answer():
        raise RuntimeError("CUDA error: unspecified launch failure")

    def work():
        asked.append(1)
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nCompile with")

    asked = []
    health = Health(answer)
    for _ in range(3):
        with (
            caplog.at_level(logging.ERROR),
            pytest.raises(InferenceFailed, match="the GPU is lost: CUDA error: an illegal") as it,
        ):
            health.run(work)
        assert "started again" in it.value.hint
        assert "\n" not in str(it.value)
    assert len(asked) == 1
    assert len(caplog.records) == 1


def test_other_errors_are_not_the_devices(device):
    with pytest.raises(RuntimeError, match="must match"):
        device.guarded(lambda _: torch.ones(2) + torch.ones(3))([])
    assert device.guarded(lambda _: 1)([]) == 1


# A GPU that is there, and cannot be used


def has_gpu(monkeypatch, *, is_available, try_out=lambda _: None):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    monkeypatch.setattr(devices, "try_out", try_out)


def no_kernels(_):
    raise RuntimeError(f"{NO_KERNELS}\nFor debugging")


def old_driver():
    warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old", stacklevel=2)
    return False


@pytest.mark.parametrize(
    ("gpu", "reason"),
    [
        (
            {"is_available": lambda: True, "try_out": no_kernels},
            f"cannot compute on the GPU: {NO_KERNELS}",
        ),
        (
            {"is_available": old_driver},
            "finds no GPU: CUDA initialization: The NVIDIA driver on your system is too old",
        ),
        ({"is_available": lambda: False}, "finds no GPU"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_none(monkeypatch, gpu, reason, caplog):
    from hayakoe_engine.voices.sbv2.devices import best_device

    has_gpu(monkeypatch, **gpu)
    with pytest.raises(BadOption) as raised:
        open_device("cuda")
    assert str(raised.value) == f"device cuda: torch {torch.__version__} {reason}"
    with caplog.at_level(logging.INFO):
        assert best_device() == "cpu"
    assert reason in caplog.text


def test_a_gpu_that_computes_is_taken(monkeypatch):
    from hayakoe_engine.voices.sbv2.devices import best_device

    has_gpu(monkeypatch, is_available=lambda: True)
    assert best_device() == "cuda"
    assert open_device("cuda").half is torch.float16


def test_what_is_tried_out_on_a_gpu_can_be_computed():
    devices.try_out(torch.device("cpu"))
