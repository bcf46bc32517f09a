"""What builds, runs and publishes the image fits together."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
BLUEPRINTS = sorted((ROOT / "addon/blueprints").glob("*.yaml"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


class Input(str):
    """The name of a blueprint's input."""

    __slots__ = ()


class BlueprintLoader(yaml.SafeLoader):
    """YAML as Home Assistant reads blueprints."""


BlueprintLoader.add_constructor("!input", lambda loader, node: Input(loader.construct_scalar(node)))


def everything_in(value):
    yield value
    if isinstance(value, dict):
        for one in value.values():
            yield from everything_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from everything_in(one)


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_blueprint_uses_every_input_it_asks_for(path):
    blueprint = yaml.load(path.read_text("utf-8"), BlueprintLoader)
    about = blueprint.pop("blueprint")
    assert about["domain"] in {"automation", "script"}
    used = {str(one) for one in everything_in(blueprint) if isinstance(one, Input)}
    assert used == about["input"].keys()
    for name, asked in about["input"].items():
        assert asked["name"], name
        assert len(asked["selector"]) == 1, name


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_failure_does_not_silence_a_blueprint(path):
    """An alarm rings even if the loudspeaker does not take a volume."""
    blueprint = yaml.load(path.read_text("utf-8"), BlueprintLoader)
    actions = [one for one in everything_in(blueprint) if isinstance(one, dict) and "action" in one]
    assert any(one["action"] == "tts.speak" for one in actions)
    last = next(one for one in reversed(actions) if one["action"] == "tts.speak")
    for action in actions[: actions.index(last)]:
        assert action.get("continue_on_error"), action["action"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_scripts_that_are_there(path):
    workflow = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)
    assert workflow.keys() <= {"name", "on", "permissions", "concurrency", "jobs"}
    for name, job in workflow["jobs"].items():
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file()
            continue
        assert job["runs-on"], name
        assert int(job["timeout-minutes"]) <= 90, name
        for needed in [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", []):
            assert needed in workflow["jobs"], name
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step), step
            for script in re.findall(r"(?<![\w/])script/[\w-]+", step.get("run", "")):
                assert (ROOT / script).stat().st_mode & 0o111, script


def test_every_check_runs_on_every_change():
    check = (ROOT / ".github/workflows/check.yaml").read_text("utf-8")
    for script in ("script/lint", "script/test", "script/image-smoke", "script/test-arm64"):
        assert script in check
    for python in ("3.11", "3.12", "3.13", "3.14"):
        assert f'"{python}"' in check
    assert "ubuntu-24.04-arm" in check


def test_what_the_image_is_built_of_reaches_the_builder():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for path in line.split():
            assert (ROOT / path).exists(), path
            assert f"!{path.split('/')[0]}" in ignored, path


@pytest.mark.parametrize(
    ("arguments", "stage"),
    [
        ([], "without"),
        (["--build-arg", "TOKEN=with"], "with"),
        (["--build-arg=TOKEN=with"], "with"),
    ],
)
def test_podman_is_told_whether_there_is_a_token(tmp_path, arguments, stage):
    """It does not find a stage whose name is put together of an argument."""
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n", "utf-8")
    podman = '#!/bin/sh\nwhile [ "$1" != --file ]; do shift; done\ncat "$2"\n'
    (tmp_path / "podman").write_text(podman, "utf-8")
    for stub in tmp_path.iterdir():
        stub.chmod(0o755)
    built = subprocess.run(
        [ROOT / "script/image", "hayakoe", *arguments],
        env={"PATH": f"{tmp_path}:{os.defpath}", "TMPDIR": str(tmp_path)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert f"FROM {stage}-token AS baked\n" in built
    assert built.splitlines()[0] == DOCKERFILE.splitlines()[0]
    assert {path.name for path in tmp_path.iterdir()} == {"docker", "podman"}


@pytest.mark.parametrize("script", [["script/image", "hayakoe"], ["script/image-smoke"]])
def test_where_nothing_builds_images_that_is_said(tmp_path, script):
    for program in ("dirname", "sed", "sh"):
        found = shutil.which(program)
        assert found is not None
        (tmp_path / program).symlink_to(found)
    told = subprocess.run(
        [ROOT / script[0], *script[1:]],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert told.returncode == 1
    assert told.stderr.startswith(f"{script[0]}: neither docker, podman nor buildah is there")


def test_a_command_called_by_name_in_a_container_is_the_entry_point():
    """Or `docker exec` has neither the settings of the server nor the voices of the image."""
    assert re.search(
        r"-m hayakoe_addon .*\\\n\s+> /opt/wyoming-hayakoe/bin/wyoming-hayakoe", DOCKERFILE
    )
    assert 'ENTRYPOINT ["wyoming-hayakoe"]' in DOCKERFILE


def test_the_compose_file_is_locked_up():
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text("utf-8"))
    (service,) = compose["services"].values()
    assert f"AS {service['build']['target']}\n" in DOCKERFILE
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert {"mem_limit", "pids_limit", "healthcheck", "stop_grace_period"} <= service.keys()
    for volume in service["volumes"]:
        assert volume.split(":")[0] in compose["volumes"]


def test_the_add_on_is_what_is_built_without_a_target():
    """The Supervisor names none."""
    stages = re.findall(r"^FROM \S+(?: AS (\S+))?", DOCKERFILE, re.MULTILINE)
    assert stages[-1] == "addon"


def test_the_examples_are_the_same_in_both_languages():
    english, japanese = (
        re.findall(r"```yaml\n(.*?)```", (ROOT / path).read_text("utf-8"), re.DOTALL)
        for path in ("DOCS.md", "docs/ja/home-assistant.md")
    )
    assert english == japanese
    assert len(english) == 3
