"""The documents say what the program does."""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from hayakoe_engine import TTS
from wyoming_hayakoe import cli, commands
from wyoming_hayakoe.settings import NeuralVoice, Preset, Settings, load_settings
from wyoming_hayakoe.voices import VoiceBook

CONFIGURATION = Path(__file__).parents[1] / "docs" / "configuration.md"
TEXT = CONFIGURATION.read_text("utf-8")


def rows(header):
    """The cells of all tables whose header row begins like this."""
    found = []
    lines = iter(TEXT.splitlines())
    for line in lines:
        if line.startswith(f"| {header} |"):
            next(lines)
            for row in lines:
                if not row.startswith("|"):
                    break
                found.append([cell.strip() for cell in row.strip("|").split("|")])
    assert found, header
    return found


def fields(model=Settings, parents=()):
    """Every setting that is no group: its dotted key, its field and its JSON schema."""
    schemas = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        path = (*parents, name)
        group = group_in(field.annotation, *get_args(field.annotation))
        if group is None:
            yield ".".join(path), field, schemas[name]
        elif field.annotation is group:
            yield from fields(group, path)
        else:
            yield from fields(group, (*path, "NAME"))


def group_in(*annotations):
    """The group of settings among these, if there is one."""
    groups = [one for one in annotations if isinstance(one, type) and issubclass(one, BaseModel)]
    return groups[0] if groups else None


def kind(schema):
    """What may be written there, in the words of the document."""
    schema = next((one for one in schema.get("anyOf", []) if one["type"] != "null"), schema)
    if schema["type"] == "boolean":
        return "`true` or `false`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    words = {
        "array": "list of text",
        "integer": "whole number",
        "number": "number",
        "string": "text",
    }
    word = words[schema["type"]]
    known = ("minimum", "exclusiveMinimum", "maximum", "minLength", "maxLength")
    match [(name, f"{schema[name]:.15g}") for name in known if name in schema]:
        case []:
            return word
        case [("minimum", low), ("maximum", high)]:
            return f"{word}, {low} to {high}"
        case [("exclusiveMinimum", low), ("maximum", high)]:
            return f"{word}, more than {low}, at most {high}"
        case [("minLength", low), ("maxLength", high)]:
            return f"{word}, {low} to {high} characters"
    raise AssertionError(f"no words for {schema}")


def default(field):
    if field.default is PydanticUndefined:
        return "required"
    if field.default in (None, ()):
        return "none"
    value = str(field.default)
    return f"`{value.lower() if isinstance(field.default, bool) else value}`"


def variable(key):
    name = key.upper().replace(".", "__")
    return f"`HAYAKOE_{name}`"


@pytest.fixture
def example(tmp_path):
    """The example as a file."""
    blocks = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "hayakoe.yaml"
    path.write_text(blocks[0], "utf-8")
    return path


def test_the_tables_have_every_setting_as_it_is():
    expected = [
        [
            f"`{key}`",
            "address" if key == "wyoming.uri" else kind(schema),
            default(field),
            variable(key),
        ]
        for key, field, schema in fields()
    ]
    assert sorted(row[:4] for row in rows("Key")) == sorted(expected)


def test_every_setting_has_a_meaning():
    for row in rows("Key"):
        assert len(row) == 5, row
        assert row[4].endswith("."), row


def test_nothing_else_looks_like_a_setting():
    known = {key for key, *_ in fields()} | set(Settings.model_fields)
    groups = "|".join(
        name
        for name, field in Settings.model_fields.items()
        if group_in(field.annotation, *get_args(field.annotation))
    )
    for word in re.findall(rf"`((?:{groups})\.[\w.]+)`", TEXT):
        assert word in known
    variables = {variable(key).strip("`") for key in known} | {"HAYAKOE_CONFIG"}
    assert set(re.findall(r"HAYAKOE_\w+", TEXT)) <= variables


def test_the_example_has_every_setting_and_loads(example):
    loaded = load_settings(example)
    written = yaml.safe_load(example.read_text("utf-8"))
    preset_keys = {key for preset in written.pop("presets").values() for key in preset}
    voice_keys = {key for voice in written.pop("voices").values() for key in voice}
    keys = {
        ".".join([group, *rest])
        for group, values in written.items()
        for rest in ([[key] for key in values] if isinstance(values, dict) else [[]])
    }
    assert keys == {key for key, *_ in fields() if ".NAME." not in key}
    assert voice_keys == set(NeuralVoice.model_fields)
    assert preset_keys <= set(Preset.model_fields)
    with TTS(threads=1).load("mei").prepare() as tts:
        voices = VoiceBook(tts.speakers, loaded.speech, loaded.presets, loaded.voice)
        assert {choice.name for choice in voices} == {"mei", *loaded.presets}


def test_the_home_assistant_example_names_a_preset_of_the_example(example):
    action = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1])
    assert action["data"]["options"]["voice"] in load_settings(example).presets


# Commands


def parsers():
    """The parser of each command by its name."""
    (subparsers,) = (
        action
        for action in cli._parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return subparsers.choices


def flags(parser):
    return {flag for action in parser._actions for flag in action.option_strings}


def test_the_commands_are_those_of_the_command_line():
    documented = {row[0].strip("`"): row[2] == "yes" for row in rows("Command")}
    assert documented == {name: "--set" in flags(parser) for name, parser in parsers().items()}


def test_the_flags_are_those_of_the_command_line():
    keys = {key for key, *_ in fields()}
    documented = set()
    for names, used_by, key in rows("Flag"):
        assert key.strip("`") in keys
        for command in re.findall(r"`(\w+)`", used_by):
            documented |= {(command, flag) for flag in re.findall(r"`(--[\w-]+)`", names)}
    common = {"-h", "--help", "--config", "--set"}
    of_one_request = {f"--{name.replace('_', '-')}" for name in cli._OPTION_HELP}
    of_one_request |= {"--style", "--ssml"}
    for command in ("serve", "say"):
        real = flags(parsers()[command]) - common - {"-o", "--output"}
        if command == "say":
            assert of_one_request <= real
            real -= of_one_request
        assert {flag for name, flag in documented if name == command} == real
    for flag in of_one_request:
        assert f"`{flag}`" in TEXT


def test_every_flag_in_the_text_exists():
    real = {flag for parser in parsers().values() for flag in flags(parser)}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) <= real


def test_the_exit_statuses_are_those_of_the_command_line():
    documented = [int(row[0]) for row in rows("Exit status")]
    assert documented == [commands.OK, commands.FAILED, commands.USAGE, commands.INTERRUPTED]
    for status in documented:
        assert re.search(rf"[ ,:]{status} [a-z]", cli._EXIT_STATUS)


# Limits

LIMITS = (CONFIGURATION.parent / "limits.md").read_text("utf-8")


def limits():
    """Every limit that the document names: the number there, and where it is set."""
    for line in LIMITS.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and "`" in cells[-1]:
            number = re.match(r"[\d.]+", cells[1])
            yield cells[-1].strip("`"), float(number[0])


@pytest.mark.parametrize(("name", "number"), list(limits()))
def test_a_limit_is_as_it_says(name, number):
    module, _, constant = name.rpartition(".")
    if constant.isupper():
        value = getattr(importlib.import_module(module), constant)
    else:
        value = {key: field.default for key, field, _ in fields()}[name]
    assert value == number


def test_the_limits_are_all_found():
    assert len(list(limits())) == LIMITS.count("\n|") - 2 * 3
