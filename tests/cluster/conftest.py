"""A Ray cluster of three nodes on the loopback interface, and settings for it."""

from __future__ import annotations

import json
import secrets
import sys
import warnings
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[1] / "models"


@pytest.fixture(scope="session")
def repository(model_folder):
    """A folder laid out as the published repository, with two small voices."""
    pytest.importorskip("onnx")

    def make(root):
        pytest.importorskip("torch")
        sys.path.insert(0, str(MODELS))
        try:
            import make_voice
            from make_bert import make_bert
        finally:
            sys.path.remove(str(MODELS))
        make_bert(root, width=make_voice.MINIATURE.bert_width)
        make_voice.make_voice(root / "onnx" / "speakers" / "hana")
        make_voice.make_voice(root / "onnx" / "speakers" / "taro", seed=7, speakers=2)

    return model_folder("repository", make)


@pytest.fixture(scope="session")
def cache(repository, model_folder):
    """A cache in which the voices are installed."""
    from hayakoe_engine import TTS

    def make(folder):
        with TTS(cache_dir=folder, precision="exact", threads=1) as engine:
            for name in ("hana", "taro"):
                engine.load(name, source=f"file://{repository}")
            engine.prepare()

    return model_folder("cache", make)


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory):
    """Three nodes; two of them have the resource ``voices``."""
    folder = tmp_path_factory.mktemp("r")
    settings = {
        "HOME": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Everything on the loopback interface, as Ray does it on a desktop.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # A node that does not answer is soon taken for dead.
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_timeout_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
    }
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        for name, value in settings.items():
            patch.setenv(name, value)
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster as RayNodes

        node = {
            "num_cpus": 2,
            "node_ip_address": "127.0.0.1",
            "include_dashboard": False,
            "object_store_memory": 80 << 20,
        }
        nodes = RayNodes(
            initialize_head=True,
            head_node_args={**node, "temp_dir": str(folder), "num_cpus": 1},
        )
        try:
            for _ in range(2):
                nodes.add_node(**node, resources={"voices": 1})
            nodes.wait_for_nodes()
            yield nodes
        finally:
            nodes.shutdown()


@pytest.fixture(scope="session")
def config(ray_cluster, repository, cache, tmp_path_factory):
    """The configuration file of a server whose voices are on the cluster."""
    pool = {"cpus": 0.4, "resource": "voices", "min_replicas": 2, "max_replicas": 2}
    values = {
        "cache": str(cache),
        "neural": {"precision": "exact"},
        "voices": {name: {"source": f"file://{repository}"} for name in ("hana", "taro")},
        "fallback": {"enabled": False},
        "cluster": {
            "address": ray_cluster.address,
            "pools": {"cpu": {**pool, "max_replicas_per_node": 1, "sentences": 4}},
            "start_timeout_s": 60,
        },
    }
    path = tmp_path_factory.mktemp("config") / "hayakoe.yaml"
    path.write_text(json.dumps(values))
    return path
