"""What the Supervisor and Home Assistant read is as they want it.

The Supervisor drops keys it does not know without a word, so what it knows is written down here.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from hayakoe_addon import options
from hayakoe_addon.discovery import PORT

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
SCHEMA = CONFIG["schema"]

PORT_NAME = re.compile(r"\d+/(?:tcp|udp)")
RULES = {
    "name": str,
    "version": re.compile(r"\d+\.\d+\.\d+"),
    "slug": re.compile(r"[-_.A-Za-z0-9]+"),
    "description": str,
    "url": re.compile(r"https://\S+"),
    "arch": {"aarch64", "amd64"},
    "homeassistant": re.compile(r"\d{4}\.\d+\.\d+"),
    "startup": re.compile(r"initialize|system|services|application|once"),
    "boot": re.compile(r"auto|manual|manual_only"),
    "init": bool,
    "discovery": {"wyoming"},
    "ports": dict,
    "ingress": bool,
    "ingress_port": int,
    "ingress_stream": bool,
    "panel_icon": re.compile(r"mdi:[a-z-]+"),
    "panel_title": str,
    "watchdog": re.compile(r"(?:https?|\[PROTO:\w+\]|tcp)://\[HOST\]:(\[PORT:\d+\]|\d+).*"),
    "timeout": int,
    "map": list,
    "backup": re.compile(r"hot|cold"),
    "backup_exclude": list,
    "options": dict,
    "schema": dict,
}
# Texts and passwords may have bounds too, but Supervisors up to July 2026 refuse every one then.
ELEMENT = re.compile(
    r"(?:bool|str|password|email|url|port|device(?:\(subsystem=[a-z]+\))?"
    r"|(?:int\((?P<low>-?\d+)?,(?P<high>-?\d+)?\)|int)"
    r"|(?:float\((?P<f_low>-?\d*\.?\d+)?,(?P<f_high>-?\d*\.?\d+)?\)|float)"
    r"|match\((?P<match>.*)\)|list\((?P<list>.+)\))\??"
)
TRUTHS = {"1", "true", "yes", "on", "enable", "0", "false", "no", "off", "disable"}


def check(element, value):
    """Whether the Supervisor takes a value where the schema says this.

    Fields that it does not know it leaves out of groups of them.
    """
    if isinstance(element, list):
        return isinstance(value, list) and all(check(element[0], one) for one in value)
    if isinstance(element, dict):
        return (
            isinstance(value, dict)
            and all(name in value for name, one in element.items() if is_required(one))
            and all(check(element[name], one) for name, one in value.items() if name in element)
        )
    return value is not None and check_one(element, value)


def check_one(element, value):
    found = ELEMENT.fullmatch(element)
    kind = re.match("[a-z]+", element)[0]
    if kind in {"int", "float"}:
        low, high = found.group("low", "high") if kind == "int" else found.group("f_low", "f_high")
        try:
            number = int(value) if kind == "int" else float(value)
        except (TypeError, ValueError):
            return False
        return float(low or "-inf") <= number <= float(high or "inf")
    if kind == "list":
        return str(value) in found["list"].split("|")
    if kind == "match":
        return re.match(found["match"], str(value)) is not None
    if kind == "bool":
        return not isinstance(value, str) or value.lower() in TRUTHS
    return isinstance(value, str)


def is_required(element):
    if isinstance(element, list):
        element = element[0]
    return not (isinstance(element, str) and element.endswith("?"))


def elements(element):
    if isinstance(element, list):
        assert not isinstance(element[0], list), "no list directly in a list"
        element = element[0]
    if isinstance(element, dict):
        for one in element.values():
            yield from elements(one)
    else:
        yield element


@pytest.mark.parametrize("key", CONFIG)
def test_the_supervisor_knows_the_key_and_takes_the_value(key):
    rule, value = RULES[key], CONFIG[key]
    if isinstance(rule, re.Pattern):
        assert rule.fullmatch(value)
    elif isinstance(rule, set):
        assert set(value) == rule
    else:
        assert isinstance(value, rule)


def test_folders_are_mapped_as_the_supervisor_calls_them():
    for entry in CONFIG["map"]:
        assert entry.keys() <= {"type", "read_only", "path"}
        assert entry["type"] in {"share", "app_config"}
        assert isinstance(entry["read_only"], bool)


def test_the_limits_of_the_supervisor():
    assert 10 <= CONFIG["timeout"] <= 300
    assert all(PORT_NAME.fullmatch(name) for name in CONFIG["ports"])
    assert all(isinstance(pattern, str) for pattern in CONFIG["backup_exclude"])


def test_ports_are_those_of_the_server():
    assert CONFIG["ports"] == {f"{PORT}/tcp": None, f"{options.HTTP_PORT}/tcp": None}
    assert CONFIG["watchdog"] == f"tcp://[HOST]:{PORT}"
    assert CONFIG["ingress_port"] == options.INGRESS_PORT


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert CONFIG["version"] == project["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"\n## {CONFIG['version']}\n" in changelog
    headings = re.findall(r"^##? .*$", changelog, re.MULTILINE)
    assert headings[0] == "# Changelog"
    assert all(re.fullmatch(r"## \d+\.\d+\.\d+", heading) for heading in headings[1:])
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert set(re.findall(r"BUILD_VERSION=([\d.]+)", dockerfile)) == {CONFIG["version"]}


def test_the_schema_is_one():
    for element in (one for name in SCHEMA for one in elements(SCHEMA[name])):
        assert ELEMENT.fullmatch(element), element


def test_every_option_that_is_required_has_a_good_default():
    required = {name for name, element in SCHEMA.items() if is_required(element)}
    assert CONFIG["options"].keys() == required
    for name, value in CONFIG["options"].items():
        assert check(SCHEMA[name], value), name


def test_every_option_is_used():
    assert SCHEMA.keys() == options.KNOWN


@pytest.mark.parametrize(
    ("name", "value", "is_good"),
    [
        ("voice", "jvnv-F1-jp:Happy", True),
        ("voice", 1, False),
        ("voices", [{"name": "v1.2", "source": "hf://a/b@main"}], True),
        ("voices", [{"name": "v1.2", "colour": "red"}], True),
        ("voices", [{"name": "はな"}], False),
        ("voices", [{"source": "hf://a/b"}], False),
        ("voices", "v1.2", False),
        ("dictionary", [{"surface": "羽生", "reading": "ハブ", "accent": 1}], True),
        ("dictionary", [{"surface": "羽生", "reading": "はぶー"}], True),
        ("dictionary", [{"surface": 119, "reading": "ひゃくとおばん"}], True),
        ("dictionary", [{"surface": "羽生", "reading": "habu"}], False),
        ("dictionary", [{"surface": "", "reading": "はぶ"}], False),
        ("dictionary", [{"surface": "長" * 101, "reading": "ちょう"}], False),
        ("dictionary", [{"surface": "羽生", "reading": "はぶ", "accent": None}], False),
        ("speed", "1.5", True),
        ("speed", 4.5, False),
        ("speed", float("nan"), False),
        ("threads", "3", True),
        ("threads", 0, False),
        ("threads", "many", False),
        ("offline", "yes", True),
        ("offline", "maybe", False),
        ("api_keys", ["0123456789"], True),
        ("api_keys", "0123456789", False),
        ("hf_token", None, False),
        ("log_level", "loud", False),
    ],
)
def test_what_the_form_takes(name, value, is_good):
    assert check(SCHEMA[name], value) is is_good


@pytest.mark.parametrize("language", ["en", "ja"])
def test_everything_is_translated(language):
    texts = yaml.safe_load((ROOT / f"translations/{language}.yaml").read_text("utf-8"))
    assert texts.keys() == {"configuration", "network"}
    assert texts["network"].keys() == CONFIG["ports"].keys()
    assert texts["configuration"].keys() == SCHEMA.keys()
    for name, entry in texts["configuration"].items():
        element = SCHEMA[name]
        fields = element[0] if isinstance(element, list) else None
        names = fields.keys() if isinstance(fields, dict) else set()
        assert entry.keys() - {"fields"} == {"name", "description"}, name
        assert entry.get("fields", {}).keys() == names
        for field in entry.get("fields", {}).values():
            assert field.keys() == {"name", "description"}


def test_the_repository_says_whose_it_is():
    repository = yaml.safe_load((ROOT / "repository.yaml").read_text("utf-8"))
    assert repository.keys() <= {"name", "url", "maintainer"}
    assert repository["name"]


@pytest.mark.parametrize(
    ("stem", "may_be_hidden", "taken"),
    [
        # For one more add-on, but for hidden ones; a list in it ends the search.
        ("config", False, ["config.yaml"]),
        # For how the image is built, with a warning that this is the old way.
        ("build", True, []),
        # For whose repository it is; which of several is a matter of chance.
        ("repository", True, ["repository.yaml"]),
    ],
)
def test_no_other_file_is_taken_for_something_else(stem, may_be_hidden, taken):
    """The Supervisor looks for files of these names everywhere."""
    published = {".ci", ".github"} if may_be_hidden else set()
    not_published = {"build", "dist", "node_modules"}
    found = [
        path.relative_to(ROOT)
        for suffix in ("json", "yaml", "yml")
        for path in ROOT.rglob(f"{stem}.{suffix}")
        if not any(
            part in not_published or (part.startswith(".") and part not in published)
            for part in path.relative_to(ROOT).parts
        )
    ]
    assert found == [Path(name) for name in taken]


@pytest.mark.parametrize(("name", "square"), [("icon.png", True), ("logo.png", False)])
def test_pictures_are_as_the_store_shows_them(name, square):
    data = (ROOT / name).read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert (width == height) is square
    assert 64 <= height <= 512
    assert len(data) < 200_000


def test_there_is_one_apparmor_profile():
    """The Supervisor gives it the name of the add-on; with two it would not know which."""
    profiles = re.findall(r"(?m)^profile (\S+)", (ROOT / "apparmor.txt").read_text("utf-8"))
    assert profiles == [CONFIG["slug"]]


def test_the_apparmor_profile_can_be_compiled():
    parser = shutil.which("apparmor_parser", path=f"{os.defpath}:/usr/sbin:/sbin")
    if parser is None:
        pytest.skip("there is no apparmor_parser (Debian's package apparmor)")
    compiled = subprocess.run(
        [parser, "--skip-kernel-load", "--skip-cache", "--stdout", ROOT / "apparmor.txt"],
        capture_output=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr.decode()
    assert compiled.stdout
