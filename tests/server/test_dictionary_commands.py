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


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--reading", "ニャンコカフェ"], "ニャンコカフェ, accent 3, priority 9"),
        (["--accent", "0"], "ネコカフェ, accent 0, priority 9"),
        (["--priority", "10"], "ネコカフェ, accent 3, priority 10"),
        (
            ["--priority=8", "--accent=5", "--reading=にゃんこかふぇ"],
            "ニャンコカフェ, accent 5, priority 8",
        ),
        (["--accent", "3"], "ネコカフェ, accent 3, priority 9"),
    ],
)
def test_a_field_of_a_word_is_changed_and_the_others_stay(run, options, line):
    run("dictionary", "add", "猫カフェ", "ネコカフェ", "--accent", "3", "--priority", "9")
    run("dictionary", "add", "犬カフェ", "イヌカフェ")
    updated = run("dictionary", "update", "猫カフェ", *options)
    assert updated == (0, f"updated: 猫カフェ → {line}\n", "")
    reading, accent, _ = line.split(", ")
    assert run("dictionary", "list")[1] == (
        f"猫カフェ\t{reading}\t{accent}\n犬カフェ\tイヌカフェ\n"
    )
    assert run("read", "猫カフェです。")[1].startswith(reading)


def test_what_the_command_line_does_not_name_stays_when_a_word_is_changed(run, path):
    path.write_text("- {surface: IT, reading: アイティー, match_case: true}\n", "utf-8")
    updated = run("dictionary", "update", "IT", "--accent", "3")
    assert updated[1] == "updated: IT → アイティー, accent 3, priority 8\n"
    assert "match_case: true" in path.read_text("utf-8")


def test_a_word_without_an_accent_keeps_none(run):
    run("dictionary", "add", "猫", "ネコ")
    updated = run("dictionary", "update", "猫", "--reading", "ニャンコ")
    assert updated[1] == "updated: 猫 → ニャンコ, priority 8\n"


def test_without_anything_to_change_the_options_are_named(run):
    run("dictionary", "add", "猫", "ネコ")
    status, out, err = run("dictionary", "update", "猫")
    assert (status, out) == (2, "")
    assert "猫: there is nothing to change" in err
    assert "hint: give one of --reading, --accent, --priority" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--reading", "neko"], "'n' at character 1"),
        (["--accent", "3"], "the accent 3 is not within 0 to 2; the moras are ネ・コ"),
        (["--reading", "ネ"], "the accent 2 is not within 0 to 1; the moras are ネ"),
        (["--priority", "11"], "the priority 11 is not within 0 to 10"),
    ],
)
def test_a_change_that_is_wrong_changes_nothing(run, path, options, message):
    run("dictionary", "add", "猫", "ネコ", "--accent", "2")
    before = path.read_bytes()
    status, out, err = run("dictionary", "update", "猫", *options)
    assert (status, out) == (2, "")
    assert message in err
    assert path.read_bytes() == before


def test_an_option_of_another_kind_is_refused(run, capsys):
    with pytest.raises(SystemExit) as stop:
        run("dictionary", "update", "猫", "--accent", "high")
    assert stop.value.code == 2
    assert "--accent" in capsys.readouterr().err


@pytest.mark.parametrize("action", [["remove"], ["update", "--accent", "1"]])
def test_a_word_that_is_not_there_is_an_error_that_names_similar_ones(run, action):
    for surface in ("猫カフェ", "Home Assistant", "林檎"):
        run("dictionary", "add", surface, "カナ")
    for wrong, similar in (("猫カフエ", "猫カフェ"), ("home asistant", "Home Assistant")):
        status, out, err = run("dictionary", *action, wrong)
        assert (status, out) == (2, "")
        assert f"the dictionary has no word {wrong!r}" in err
        assert f"hint: similar words are {similar}\n" in err
    status, _, err = run("dictionary", *action, "犬")
    assert status == 2
    assert "no word '犬'" in err
    assert "hint" not in err


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
