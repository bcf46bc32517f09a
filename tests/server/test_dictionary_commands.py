import json

import pytest

from wyoming_hayakoe.cli import main


@pytest.fixture
def path(tmp_path):
    return tmp_path / "dictionary.yaml"


@pytest.fixture
def run(path, capsys):
    def run_command(*arguments):
        status = main([*arguments[:1], "--set", f"dictionary={path}", *arguments[1:]])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_command


def test_a_word_is_added_listed_read_and_removed(run, path):
    added = run("dictionary", "add", "Home Assistant", "ほーむあしすたんと", "--accent", "7")
    assert added == (0, "added: Home Assistant → ホームアシスタント\n", "")
    assert "Home Assistant" in path.read_text("utf-8")
    assert run("dictionary", "list")[1] == "Home Assistant\tホームアシスタント\taccent 7\n"
    assert run("read", "home assistantです。")[1] == "ホームアシスタントデス\n"
    details = run("read", "--details", "home assistantです。")[1]
    assert "ホームアシスタントデス[7]" in details
    assert "by rule: dictionary" in details
    again = run("dictionary", "add", "Ｈｏｍｅ Ａｓｓｉｓｔａｎｔ", "ハ")
    assert again[1].startswith("replaced: Home Assistant")
    assert run("dictionary", "remove", "home assistant")[1] == "removed: Home Assistant\n"
    assert run("dictionary", "list") == (0, "", "")


def test_a_wrong_reading_is_shown_where_it_is_wrong(run, path):
    status, out, err = run("dictionary", "add", "猫", "ネコx")
    assert (status, out) == (2, "")
    assert "'x' at character 3" in err
    assert not path.exists()


def test_a_word_that_is_not_there_cannot_be_removed(run):
    status, _, err = run("dictionary", "remove", "猫")
    assert status == 2
    assert "猫" in err


def test_words_are_exported_and_imported(run, path, tmp_path):
    run("dictionary", "add", "猫カフェ", "ネコカフェ", "--accent", "3")
    yaml = run("dictionary", "export")[1]
    assert "猫カフェ" in yaml
    for name in ("words.yaml", "words.csv"):
        file = tmp_path / name
        assert run("dictionary", "export", str(file))[0] == 0
        path.unlink()
        assert run("dictionary", "import", str(file))[1] == "added 1, replaced 0\n"
        assert run("dictionary", "list")[1] == "猫カフェ\tネコカフェ\taccent 3\n"


def test_the_words_of_voicevox_are_imported(run, tmp_path):
    file = tmp_path / "words.json"
    word = {"surface": "担々麺", "pronunciation": "タンタンメン", "accent_type": 3, "priority": 5}
    file.write_text(json.dumps({"00000000-0000-0000-0000-000000000000": word}), "utf-8")
    assert run("dictionary", "import", str(file))[1] == "added 1, replaced 0\n"


def test_wrong_words_of_a_file_are_refused_or_left_out(run, tmp_path):
    file = tmp_path / "words.csv"
    file.write_text("surface,reading\n猫,ネコ\n犬,dog\n", "utf-8")
    status, out, err = run("dictionary", "import", str(file))
    assert (status, out) == (2, "")
    assert "犬" in err
    status, out, err = run("dictionary", "import", "--skip-wrong", str(file))
    assert (status, out) == (0, "added 1, replaced 0\n")
    assert "left out" in err
    assert "犬" in err


@pytest.mark.parametrize("action", ["import", "export"])
def test_an_unknown_kind_of_file_is_refused(run, action, tmp_path):
    status, _, err = run("dictionary", action, str(tmp_path / "words.txt"))
    assert status == 2
    assert ".csv" in err
