"""The manifest for Kubernetes says what the program and the operator understand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from wyoming_hayakoe.settings import load_settings

MANIFEST = Path(__file__).parents[2] / "docs" / "kuberay.yaml"
FIELDS = {
    "RayCluster": {"apiVersion", "kind", "metadata", "spec"},
    "spec": {
        "authOptions",
        "autoscalerOptions",
        "enableInTreeAutoscaling",
        "headGroupSpec",
        "rayVersion",
        "workerGroupSpecs",
    },
    "headGroupSpec": {"rayStartParams", "template"},
    "workerGroup": {
        "groupName",
        "maxReplicas",
        "minReplicas",
        "rayStartParams",
        "replicas",
        "template",
    },
}
"""Names of the fields of the operator's API, version ray.io/v1, that are used."""


@pytest.fixture(scope="module")
def documents():
    return {one["kind"]: one for one in yaml.safe_load_all(MANIFEST.read_text("utf-8"))}


@pytest.fixture(scope="module")
def settings(documents, tmp_path_factory):
    path = tmp_path_factory.mktemp("manifest") / "hayakoe.yaml"
    path.write_text(documents["ConfigMap"]["data"]["hayakoe.yaml"], "utf-8")
    return load_settings(path)


def test_its_fields_are_those_of_the_operator(documents):
    cluster = documents["RayCluster"]
    assert cluster["apiVersion"] == "ray.io/v1"
    assert set(cluster) <= FIELDS["RayCluster"]
    assert set(cluster["spec"]) <= FIELDS["spec"]
    assert set(cluster["spec"]["headGroupSpec"]) <= FIELDS["headGroupSpec"]
    for group in cluster["spec"]["workerGroupSpecs"]:
        assert set(group) <= FIELDS["workerGroup"]
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for group in (cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]):
        # The operator hands these over on a command line.
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_its_settings_load(settings):
    assert settings.cluster.address == "auto"
    assert settings.voice in settings.voices


def test_clients_reach_the_front(documents, settings):
    (front,) = (
        group
        for group in documents["RayCluster"]["spec"]["workerGroupSpecs"]
        if group["groupName"] == documents["Service"]["spec"]["selector"]["ray.io/group"]
    )
    (container,) = front["template"]["spec"]["containers"]
    assert container["ports"][0]["containerPort"] == settings.wyoming.address.port
    assert "wyoming-hayakoe serve" in container["args"][0]


def test_the_nodes_hold_the_replicas(documents, settings):
    cpus = {
        group["groupName"]: float(
            group["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"]
        )
        * group["maxReplicas"]
        for group in documents["RayCluster"]["spec"]["workerGroupSpecs"]
    }
    pool = settings.cluster.pools["cpu"]
    assert math.ceil(pool.max_replicas * pool.cpus) <= cpus["cpu"]
