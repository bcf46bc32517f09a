import os
import threading

import pytest

from hayakoe_engine.disk import copy_whole, is_locked, locked, sha256_of, write_whole

HANG_S = 30


def test_a_file_is_replaced_whole(tmp_path):
    target = tmp_path / "file"
    write_whole(target, b"old")
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "file"
    write_whole(target, b"old")

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_others_may_read_what_was_written(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    write_whole(tmp_path / "written", b"")
    assert (tmp_path / "written").stat().st_mode == ordinary.stat().st_mode


def test_a_copy_has_the_same_content(tmp_path):
    (tmp_path / "original").write_bytes(os.urandom(3_000_000))
    copy_whole(tmp_path / "original", tmp_path / "copy")
    assert sha256_of(tmp_path / "copy") == sha256_of(tmp_path / "original")


def test_only_one_holds_a_lock(tmp_path):
    lock = tmp_path / "folder" / "lock"
    waiting, got = threading.Event(), threading.Event()

    def take():
        with locked(lock, on_wait=waiting.set):
            got.set()

    other = threading.Thread(target=take)
    with locked(lock):
        assert is_locked(lock)
        other.start()
        assert waiting.wait(HANG_S)
        assert not got.is_set()
    assert got.wait(HANG_S)
    other.join()
    assert not is_locked(lock)


def test_a_lock_that_was_removed_is_made_again(tmp_path):
    """Whoever waited for the old file must not take it for the lock."""
    lock = tmp_path / "lock"
    waiting, got = threading.Event(), threading.Event()

    def take():
        with locked(lock, on_wait=waiting.set):
            assert is_locked(lock)
            got.set()

    other = threading.Thread(target=take)
    with locked(lock):
        other.start()
        assert waiting.wait(HANG_S)
        lock.unlink()
    other.join()
    assert got.is_set()
    assert lock.exists()


def test_what_is_no_lock_is_not_locked(tmp_path):
    assert not is_locked(tmp_path / "lock")
