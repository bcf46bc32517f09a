import multiprocessing
import os
import threading

import pytest

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.artifacts import ArtifactStore


@pytest.fixture
def published(tmp_path):
    file = tmp_path / "published.onnx"
    file.write_bytes(b"weights")
    return file


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(tmp_path / "installed")


def making(content="made", log=None):
    def make(folder):
        if log is not None:
            log.append(content)
        (folder / "graph.onnx").write_text(content)

    return make


def test_it_is_made_once(store, published):
    log = []
    first = store.obtain("voice", [published], making(log=log))
    again = ArtifactStore(first.parent).obtain("voice", [published], making(log=log))
    assert first == again
    assert (first / "graph.onnx").read_text() == "made"
    assert log == ["made"]


def test_other_content_or_another_kind_is_another_artifact(store, published):
    folders = {store.obtain("voice", [published], making())}
    folders.add(store.obtain("bert", [published], making()))
    published.write_bytes(b"other weights")
    folders.add(store.obtain("voice", [published], making()))
    assert len(folders) == 3


def test_the_same_content_elsewhere_is_the_same_artifact(store, published, tmp_path):
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(published.read_bytes())
    assert store.obtain("voice", [published], making()) == store.obtain("voice", [copy], making())


def test_content_replaced_with_the_same_size_is_noticed(store, published):
    first = store.obtain("voice", [published], making())
    published.write_bytes(b"WEIGHTS")
    os.utime(published, ns=(1, 1))
    assert store.obtain("voice", [published], making()) != first


def test_a_failure_leaves_nothing_and_can_be_tried_again(store, published):
    def fail(folder):
        (folder / "half.onnx").write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.obtain("voice", [published], fail)
    folder = store.obtain("voice", [published], making())
    assert {file.name for file in folder.iterdir()} == {"graph.onnx", "made.json"}
    left = {file.name for file in folder.parent.iterdir() if file.suffix != ".lock"}
    assert left == {folder.name, "stamps.json"}


def _obtain(root, published, begun, results):
    def make(folder):
        begun.wait(10)
        (folder / "graph.onnx").write_text(str(os.getpid()))

    folder = ArtifactStore(root).obtain("voice", [published], make)
    results.put((folder / "graph.onnx").read_text())


def test_two_processes_that_want_the_same_make_it_once(tmp_path, published):
    context = multiprocessing.get_context("spawn")
    begun, results = context.Event(), context.Queue()
    processes = [
        context.Process(target=_obtain, args=(tmp_path / "installed", published, begun, results))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    begun.set()
    makers = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join(60)
    assert len(makers) == 1


def test_two_threads_that_want_the_same_make_it_once(store, published):
    log = []
    threads = [
        threading.Thread(target=store.obtain, args=("voice", [published], making(log=log)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log == ["made"]


def test_a_read_only_folder_is_enough_for_what_is_there(store, published):
    folder = store.obtain("voice", [published], making())
    (folder.parent / "stamps.json").unlink()
    folder.parent.chmod(0o555)
    try:
        assert ArtifactStore(folder.parent).obtain("voice", [published], making()) == folder
    finally:
        folder.parent.chmod(0o755)


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path, published):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadVoiceFiles, match=f"{tmp_path}/file/installed: cannot install there"):
        ArtifactStore(tmp_path / "file" / "installed").obtain("voice", [published], making())


def test_a_source_that_is_gone_is_an_error_that_names_it(store, tmp_path):
    with pytest.raises(BadVoiceFiles, match=r"gone.onnx: cannot be read: No such file"):
        store.obtain("voice", [tmp_path / "gone.onnx"], making())


def test_damaged_stamps_only_cost_time(store, published):
    folder = store.obtain("voice", [published], making())
    for damage in (b"", b"[1]", b"\xff", b'{"x": 1}'):
        (folder.parent / "stamps.json").write_bytes(damage)
        assert store.obtain("voice", [published], making()) == folder
