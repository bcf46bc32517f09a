"""What neural voices leave in the cache, and how it is cleaned up."""

import multiprocessing

import pytest

from hayakoe_engine.disk import locked
from hayakoe_engine.errors import SourceError
from hayakoe_engine.sources.cache import DownloadCache
from hayakoe_engine.sources.voices_lock import LockedFile, LockedFolder
from hayakoe_engine.voices.sbv2.artifact_record import ArtifactRecord, MadeFile
from hayakoe_engine.voices.sbv2.artifacts import ArtifactStore, lock_of
from hayakoe_engine.voices.sbv2.made_files import MadeFiles
from hayakoe_engine.voices.sbv2.sessions import machine_name


def make(folder):
    (folder / "graph.onnx").write_bytes(b"installed")


def tuned_copy(root, machine, name):
    folder = root / "tuned" / machine / name / "graph"
    folder.mkdir(parents=True)
    (folder / "graph.onnx").write_bytes(b"tuned")
    ArtifactRecord(2, files={"graph.onnx": MadeFile(5, "0" * 64)}).write(folder)
    return folder.parent


@pytest.fixture
def made(tmp_path):
    return MadeFiles(tmp_path)


@pytest.fixture
def install(tmp_path):
    """Installs something made of a published file; returns both."""

    def run(name, kind="voice"):
        published = tmp_path / f"{name}.onnx"
        published.write_bytes(name.encode())
        store = ArtifactStore(tmp_path / "installed")
        return store.obtain(
            kind, [published], make, name=name if kind == "voice" else ""
        ), published

    return run


def left(root):
    """Names of all files, but for those that remember what was read."""
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.name != "stamps.json"
    }


def test_everything_is_shown_with_its_size_and_for_whom_it_is(made, install, tmp_path):
    voice, _ = install("hana")
    bert, _ = install("bert", kind="bert")
    copy = tuned_copy(tmp_path, machine_name(), voice.name)
    found = {item.path: item for item in made.folders()}
    assert set(found) == {voice, bert, copy}
    assert found[voice].names == found[copy].names == ("hana",)
    assert found[bert].names == ()
    assert [found[path].kind for path in (voice, bert, copy)] == ["installed"] * 2 + ["tuned"]
    assert all(item.is_wanted for item in found.values())
    assert found[voice].size_bytes == sum(file.stat().st_size for file in voice.iterdir())


def test_a_voice_installed_under_two_names_is_for_both(made, install, tmp_path):
    voice, published = install("hana")
    store = ArtifactStore(tmp_path / "installed")
    assert store.obtain("voice", [published], make, name="taro") == voice
    (item,) = made.folders()
    assert item.names == ("hana", "taro")


def test_what_has_lost_its_origin_is_pruned_and_nothing_else(made, install, tmp_path):
    voice, published = install("hana")
    other, _ = install("taro")
    gone = [voice, tuned_copy(tmp_path, machine_name(), voice.name)]
    stays = [other, tuned_copy(tmp_path, machine_name(), other.name)]
    elsewhere = tuned_copy(tmp_path, "m68k-1234-ort0", other.name)
    size = sum(file.stat().st_size for path in [*gone, elsewhere] for file in path.rglob("*.*"))
    published.unlink()
    assert made.unwanted_bytes() == size
    assert made.prune() == size
    assert not any(path.exists() for path in (*gone, elsewhere, elsewhere.parent))
    assert all(path.exists() for path in stays)
    assert made.prune() == 0


def test_what_was_made_of_a_download_is_kept_as_long_as_that(made, install, monkeypatch):
    voice, published = install("hana")
    published.unlink()
    files = (LockedFile("x", 1, *ArtifactRecord.read(voice).sources.values()),)
    folder = LockedFolder("hf://me/voices@main", "hana", "1", "downloads/hana", "", files)
    monkeypatch.setattr(DownloadCache, "folders", lambda _: (folder,))
    assert made.prune() == 0
    assert voice.exists()


def test_voices_that_nobody_names_may_be_pruned_too(made, install):
    voice, _ = install("hana")
    other, _ = install("taro")
    bert, _ = install("bert", kind="bert")
    assert made.prune(["taro"]) > 0
    assert [path.exists() for path in (voice, other, bert)] == [False, True, True]


def test_what_an_older_version_made_is_pruned(made, install):
    voice, _ = install("hana")
    ArtifactRecord(1, ("hana",)).write(voice)
    other, _ = install("taro")
    (other / "made.json").write_bytes(b"\xff")
    assert made.prune() > 0
    assert made.folders() == ()


def _hold(root, published, ready, done):
    store = ArtifactStore(root / "installed")
    store.obtain("voice", [published], make, name="hana")
    ready.set()
    assert done.wait(60)


def test_what_a_running_process_uses_stays(made, install, tmp_path):
    voice, published = install("hana")
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, published, ready, done))
    process.start()
    assert ready.wait(60)
    published.unlink()
    assert made.prune() == 0
    (item,) = made.folders()
    assert not made.remove(item)
    assert voice.exists()
    done.set()
    process.join(60)
    assert made.prune() > 0
    assert not voice.exists()


def test_what_killed_processes_left_is_deleted_but_not_what_is_being_made(made, install, tmp_path):
    voice, _ = install("hana")
    installed = voice.parent
    for name in (".voice-1.abc", ".voice-2.abc", ".stamps.json.abc"):
        (installed / name).mkdir()
        (installed / name / "half").write_bytes(b"12345")
    copy = tuned_copy(tmp_path, machine_name(), voice.name)
    (copy / ".graph.abc").mkdir()
    (copy / ".graph.abc" / "half").write_bytes(b"123")
    before = left(tmp_path)
    with locked(lock_of(installed / "voice-1")):
        assert made.unwanted_bytes() == 13
        assert made.prune() == 13
    assert before - left(tmp_path) >= {
        "installed/.voice-2.abc/half",
        "installed/.stamps.json.abc/half",
    }
    assert (installed / ".voice-1.abc").exists()
    assert copy.exists()
    assert made.prune() == 5
    assert not [name for name in left(tmp_path) if "/." in name]


def test_damage_is_found_and_repaired(made, install, tmp_path):
    voice, published = install("hana")
    assert made.verify() == ()
    (voice / "graph.onnx").write_bytes(b"INSTALLED")
    copy = tuned_copy(tmp_path, machine_name(), voice.name)
    damages = {
        (voice / "graph.onnx", "has another content"),
        (copy / "graph" / "graph.onnx", "has another content"),
    }
    assert set(made.verify()) == damages
    store = ArtifactStore(tmp_path / "installed")
    store.obtain("voice", [published], make)
    with pytest.raises(SourceError, match="is in use"):
        made.verify(repair=True)
    del store
    assert set(made.verify(repair=True)) >= {(voice / "graph.onnx", "has another content")}
    assert made.folders() == ()
    assert install("hana") == (voice, published)
    assert made.verify() == ()
