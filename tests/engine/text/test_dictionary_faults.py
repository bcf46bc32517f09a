"""What the user dictionary does when something goes wrong around it."""

import errno
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hayakoe_engine.text.dictionary import compiler as dictionary_compiler
from hayakoe_engine.text.dictionary import file as dictionary_file
from hayakoe_engine.text.dictionary.formats import parse_words
from hayakoe_engine.text.dictionary.user_dictionary import (
    BadDictionaryEntry,
    BadDictionaryFile,
    DictionaryUnavailable,
    UserDictionary,
)

CAT = "- surface: 猫\n  reading: ネコ\n"
DOG = "- surface: 犬\n  reading: イヌ\n"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A file for words that are not compiled; that takes most of the time."""
    monkeypatch.setattr(dictionary_compiler, "_compile", lambda _rows: None)
    return tmp_path / "dictionary.yaml"


def surfaces(dictionary):
    return [entry.surface for entry in dictionary.entries()]


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def edit(path, text):
    """Change a file as an editor does."""
    path.write_text(text, "utf-8")


# Writing


def raising(number):
    def fail(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("function", "number", "hint"),
    [
        ("fsync", errno.ENOSPC, "make room"),
        ("fsync", errno.EIO, None),
        ("replace", errno.ENOSPC, "make room"),
        ("replace", errno.EROFS, "read-only"),
        ("replace", errno.EACCES, "allowed to write"),
    ],
)
def test_a_change_that_cannot_be_saved_changes_nothing(path, monkeypatch, function, number, hint):
    dictionary = UserDictionary(path)
    dictionary.add("猫", "ネコ")
    before = (path.read_bytes(), names(path.parent), dictionary.lexicon, dictionary.version)
    with monkeypatch.context() as patch:
        patch.setattr(os, function, raising(number))
        for change in (
            lambda: dictionary.add("犬", "イヌ"),
            lambda: dictionary.update("猫", {"reading": "ニャン"}),
            lambda: dictionary.delete("猫"),
            lambda: dictionary.import_words(DOG),
        ):
            with pytest.raises(DictionaryUnavailable, match=os.strerror(number)) as caught:
                change()
            assert str(path) in str(caught.value)
            assert (hint or "") in (caught.value.hint or "")
    after = (path.read_bytes(), names(path.parent), dictionary.lexicon, dictionary.version)
    assert after == before
    assert surfaces(dictionary) == ["猫"]
    assert dictionary.add("犬", "イヌ") is False


def test_a_folder_that_cannot_be_written_is_named(path, monkeypatch):
    edit(path, CAT)
    path.parent.chmod(0o555)
    opened = Path.open

    def refuse(self, mode="r", *args, **kwargs):
        if "w" in mode and self.parent == path.parent:  # root may write even there
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return opened(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    dictionary = UserDictionary(path)
    assert surfaces(dictionary) == ["猫"]
    with pytest.raises(DictionaryUnavailable, match="cannot be written"):
        dictionary.add("犬", "イヌ")
    assert path.read_text("utf-8") == CAT
    path.parent.chmod(0o755)


def test_a_folder_that_is_not_there_is_made(tmp_path):
    path = tmp_path / "a" / "b" / "dictionary.yaml"
    dictionary = UserDictionary(path)
    assert not path.parent.exists()
    dictionary.add("猫", "ネコ")
    assert surfaces(UserDictionary(path)) == ["猫"]


def test_the_mode_of_the_file_stays_and_a_link_stays_a_link(path, tmp_path):
    edit(path, CAT)
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    UserDictionary(link).add("犬", "イヌ")
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert surfaces(UserDictionary(path)) == ["猫", "犬"]


def test_no_temporary_files_stay(tmp_path, monkeypatch, tmp_path_factory):
    path = tmp_path / "dictionary.yaml"
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    leftover = path.parent / ".dictionary.yaml.1-1.tmp"
    edit(leftover, "half of a")
    dictionary = UserDictionary(path)
    dictionary.add("猫", "ネコ")
    assert names(path.parent) == ["dictionary.yaml", "dictionary.yaml.bak"]
    assert names(temporary) == []


def test_what_could_not_be_backed_up_is_saved_all_the_same(path):
    (path.parent / "dictionary.yaml.bak").mkdir()
    dictionary = UserDictionary(path)
    dictionary.add("猫", "ネコ")
    assert surfaces(UserDictionary(path)) == ["猫"]


# Compiling


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(1)",
        "import os; os.abort()",
        "import sys; sys.exit('猫')",
        "pass",  # nothing is written
    ],
)
def test_words_that_cannot_be_compiled_change_nothing(tmp_path, monkeypatch, code):
    path = tmp_path / "dictionary.yaml"
    dictionary = UserDictionary(path)
    dictionary.add("猫", "ネコ")
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(dictionary_compiler, "_INDEX", code)
        with pytest.raises(DictionaryUnavailable, match="could not be compiled"):
            dictionary.add("犬", "イヌ")
        assert surfaces(dictionary) == ["猫"]
        assert path.read_bytes() == before
        edit(path, CAT + DOG)
        assert dictionary.reload_if_changed() is False
        assert surfaces(dictionary) == ["猫"]
        assert "could not be compiled" in str(dictionary.problems[0])
        assert UserDictionary(path).entries() == ()
    assert dictionary.reload_if_changed() is True
    assert surfaces(dictionary) == ["猫", "犬"]
    assert dictionary.problems == ()


def test_compiling_does_not_take_forever(monkeypatch):
    monkeypatch.setattr(dictionary_compiler, "_INDEX", "import time; time.sleep(60)")
    monkeypatch.setattr(dictionary_compiler, "_INDEX_TIMEOUT_S", 0.1)
    with pytest.raises(DictionaryUnavailable, match="timed out"):
        UserDictionary().add("猫", "ネコ")


def test_a_temporary_folder_that_open_jtalk_cannot_use_is_named(monkeypatch, tmp_path):
    folder = tmp_path / "a,b"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with pytest.raises(DictionaryUnavailable, match="comma"):
        UserDictionary().add("猫", "ネコ")
    assert names(folder) == []


# Reading


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\0" * 100,
        b"\xff\xfe" + CAT.encode(),
        b"- surface: [",
        b"surface: x",
        b"#" * (5 * 1024 * 1024 + 1),
        b"- &a [*a]",
    ],
)
def test_the_last_good_one_is_used_instead_of_a_damaged_one(path, caplog, damage):
    UserDictionary(path).add("猫", "ネコ")
    good = path.read_bytes()
    path.write_bytes(damage)
    dictionary = UserDictionary(path)
    assert surfaces(dictionary) == ["猫"]
    assert path.read_bytes() == good
    assert (path.parent / "dictionary.yaml.broken-1").read_bytes() == damage
    (problem,) = dictionary.problems
    assert isinstance(problem, BadDictionaryFile)
    assert "kept as dictionary.yaml.broken-1" in str(problem)
    assert "1 words" in str(problem)
    assert str(problem) in caplog.text
    dictionary.add("犬", "イヌ")
    assert dictionary.problems == ()
    assert names(path.parent) == [
        "dictionary.yaml",
        "dictionary.yaml.bak",
        "dictionary.yaml.broken-1",
    ]


def test_every_damaged_one_is_kept_once(path):
    for damage in (b"- 1", b"- 2", b"- 2"):
        path.write_bytes(damage)
        dictionary = UserDictionary(path)
        assert dictionary.entries() == ()
        assert UserDictionary(path).problems
    assert names(path.parent) == [
        "dictionary.yaml",
        "dictionary.yaml.broken-1",
        "dictionary.yaml.broken-2",
    ]
    dictionary.add("猫", "ネコ")
    assert (path.parent / "dictionary.yaml.broken-2").read_bytes() == b"- 2"
    assert surfaces(UserDictionary(path)) == ["猫"]


def test_without_a_last_good_one_a_damaged_one_is_not_touched(path):
    path.write_bytes(b"- 1")
    dictionary = UserDictionary(path)
    assert path.read_bytes() == b"- 1"
    assert "0 words" in str(dictionary.problems[0])


def test_wrong_words_of_a_file_are_left_out_and_kept(path, caplog):
    wrong = CAT + "- surface: 鳥\n  reading: ト鳥\n"
    edit(path, wrong)
    dictionary = UserDictionary(path)
    assert surfaces(dictionary) == ["猫"]
    assert "line 3: 鳥: the reading has '鳥' at character 2" in caplog.text
    assert path.read_text("utf-8") == wrong
    dictionary.add("犬", "イヌ")
    assert (path.parent / "dictionary.yaml.broken-1").read_text("utf-8") == wrong
    assert surfaces(UserDictionary(path)) == ["猫", "犬"]


def test_a_file_that_cannot_be_read_is_never_overwritten(path):
    path.mkdir()
    (path / "precious").touch()
    dictionary = UserDictionary(path)
    assert "cannot be read" in str(dictionary.problems[0])
    with pytest.raises(DictionaryUnavailable, match="cannot be read"):
        dictionary.add("猫", "ネコ")
    assert dictionary.entries() == ()
    (path / "precious").unlink()
    path.rmdir()
    edit(path, CAT)
    assert dictionary.reload_if_changed() is True
    assert dictionary.problems == ()


# Changes by others


def test_a_change_by_hand_is_noticed(path):
    dictionary = UserDictionary(path)
    assert dictionary.reload_if_changed() is False
    edit(path, CAT)
    assert dictionary.reload_if_changed() is True
    assert dictionary.reload_if_changed() is False
    assert surfaces(dictionary) == ["猫"]
    version = dictionary.version
    edit(path, "# nothing new\n" + CAT)
    assert dictionary.reload_if_changed() is False
    assert dictionary.version == version
    path.unlink()
    assert dictionary.reload_if_changed() is True
    assert dictionary.entries() == ()
    assert UserDictionary().reload_if_changed() is False


@pytest.mark.parametrize("typo", ["", "- surface: [", CAT + "- 犬"])
def test_a_slip_by_hand_leaves_the_words_and_the_file(path, caplog, typo):
    dictionary = UserDictionary(path)
    dictionary.add("猫", "ネコ")
    edit(path, typo)
    assert dictionary.reload_if_changed() is False
    assert dictionary.reload_if_changed() is False
    assert surfaces(dictionary) == ["猫"]
    assert path.read_text("utf-8") == typo
    assert len(caplog.records) == 1
    edit(path, DOG)
    assert dictionary.reload_if_changed() is True
    assert dictionary.problems == ()
    assert names(path.parent) == ["dictionary.yaml", "dictionary.yaml.bak"]


def test_a_slip_by_hand_is_kept_when_the_program_writes(path):
    dictionary = UserDictionary(path)
    dictionary.add("猫", "ネコ")
    for number, reloads in enumerate((False, True), 1):
        typo = f"- surface: [{number}"
        edit(path, typo)
        if reloads:
            dictionary.reload_if_changed()
        dictionary.add("犬", "イヌ", accent=number)
        kept = path.parent / f"dictionary.yaml.broken-{number}"
        assert kept.read_text("utf-8") == typo
    assert surfaces(UserDictionary(path)) == ["猫", "犬"]


def test_a_change_is_made_to_what_others_wrote(path):
    mine, others = UserDictionary(path), UserDictionary(path)
    mine.add("猫", "ネコ")
    others.add("犬", "イヌ")
    edit(path, path.read_text("utf-8") + "- surface: 鳥\n  reading: トリ\n")
    mine.delete("犬")
    assert surfaces(mine) == ["猫", "鳥"]
    others.reload_if_changed()
    assert others.entries() == mine.entries()
    with pytest.raises(BadDictionaryEntry):
        mine.update("猫", {"surface": "鳥"})


def test_a_lock_that_is_never_released_is_an_error(path, monkeypatch):
    monkeypatch.setattr(dictionary_file, "_LOCK_PATIENCE_S", 0)
    dictionary = UserDictionary(path)
    with (
        dictionary_file.DictionaryFile(path).locked(),
        pytest.raises(DictionaryUnavailable, match="locked"),
    ):
        dictionary.add("猫", "ネコ")
    dictionary.add("猫", "ネコ")


def test_a_file_system_without_locks_is_good_enough(path, monkeypatch):
    monkeypatch.setattr("fcntl.flock", raising(errno.ENOLCK))
    UserDictionary(path).add("猫", "ネコ")
    monkeypatch.setattr("fcntl.flock", raising(errno.EIO))
    with pytest.raises(DictionaryUnavailable, match="cannot be locked"):
        UserDictionary(path).add("犬", "イヌ")


# Other processes

WRITER = """
import sys
from pathlib import Path
from hayakoe_engine.text.dictionary import compiler as dictionary_compiler
from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary

# What is tested is the file; compiling takes most of the time.
dictionary_compiler._compile = lambda rows: None
name, count, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
dictionary = UserDictionary(path)
print("ready", flush=True)
for number in range(count):
    dictionary.add(f"{name}{number % 50}x", "ア" * (number % 40 + 1), accent=number % 2)
"""


def writer(name, count, path):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, name, str(count), str(path)], stdout=subprocess.PIPE
    )


def test_processes_change_words_without_losing_any(path):
    writers = [writer(name, 20, path) for name in "abc"]
    for process in writers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    found = set(surfaces(UserDictionary(path)))
    assert found == {f"{name}{number}x" for name in "abc" for number in range(20)}


def test_a_process_killed_at_any_moment_leaves_a_whole_file(path):
    chance = random.Random(1)
    UserDictionary(path).add("猫", "ネコ")
    deadline = time.monotonic() + 5
    for _ in itertools.takewhile(lambda _: time.monotonic() < deadline, range(8)):
        process = writer("a", 100_000, path)
        assert process.stdout.readline() == b"ready\n"
        time.sleep(chance.random() / 20)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for file in (path, path.with_name("dictionary.yaml.bak")):
            parsed = parse_words(file.read_bytes(), "yaml")
            assert parsed.problems == []
            assert parsed.entries[0].surface == "猫"
    dictionary = UserDictionary(path)
    assert dictionary.problems == ()
    assert len(dictionary.entries()) > 1
    dictionary.add("犬", "イヌ")
    assert names(path.parent) == ["dictionary.yaml", "dictionary.yaml.bak"]


STEPS = ("mkdir", "open", "fchmod", "write", "fsync", "replace", "unlink", "close")


@pytest.mark.parametrize("step", range(17))
def test_a_process_killed_between_any_two_system_calls_leaves_a_whole_file(path, step):
    """The same, at each step of one write in turn."""
    UserDictionary(path).add("猫", "ネコ")
    before = path.read_text("utf-8")
    code = f"""
import os, signal, sys
from pathlib import Path
from hayakoe_engine.text.dictionary.file import DictionaryFile

calls = 0
def die(frame, event, argument):
    global calls
    name = getattr(argument, "__name__", "")
    if event == "c_call" and name in {STEPS!r}:
        if calls == {step}:
            os.kill(os.getpid(), signal.SIGKILL)
        calls += 1

file = DictionaryFile(Path(sys.argv[1]))
new = Path(sys.argv[2]).read_bytes()
with file.locked():
    sys.setprofile(die)
    file.write(new)
"""
    new = path.with_name("new")
    edit(new, before + DOG)
    subprocess.run([sys.executable, "-c", code, str(path), str(new)], check=False, timeout=60)
    new.unlink()
    assert path.read_text("utf-8") in {before, before + DOG}
    dictionary = UserDictionary(path)
    assert dictionary.problems == ()
    dictionary.add("鳥", "トリ")
    assert names(path.parent) == ["dictionary.yaml", "dictionary.yaml.bak"]
