"""The manifests in `scripts/cluster` against the schemas of Ray and of Kubernetes: what a dry run would find."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "cluster"
KUBERNETES = "1.31"

#: Keys of KubeRay's RayCluster (ray.io/v1) that are used here, each where it belongs.
CLUSTER_KEYS = {"rayVersion", "enableInTreeAutoscaling", "headGroupSpec", "workerGroupSpecs"}
GROUP_KEYS = {"rayStartParams", "template"}
WORKER_KEYS = {*GROUP_KEYS, "groupName", "replicas", "minReplicas", "maxReplicas"}


@pytest.fixture
def kuberay() -> dict[str, dict[str, Any]]:
    """The manifests by their kind."""
    return {one["kind"]: one for one in yaml.safe_load_all((FOLDER / "kuberay.yaml").read_text(encoding="utf-8"))}


def pod(template: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "node"}, "spec": template["spec"]}


def check(manifest: dict[str, Any]) -> None:
    """Raises ValidationError for a key or a type that Kubernetes would refuse."""
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_pods_and_the_disk_are_what_kubernetes_takes(kuberay: dict[str, dict[str, Any]]) -> None:
    cluster = kuberay["RayCluster"]["spec"]
    [workers] = cluster["workerGroupSpecs"]
    check(kuberay["PersistentVolumeClaim"])
    for group in (cluster["headGroupSpec"], workers):
        check(pod(group["template"]))
        wrong = copy.deepcopy(group["template"])
        wrong["spec"]["containers"][0]["workingDirectory"] = "/sweeps"
        with pytest.raises(kubernetes_validate.ValidationError, match="workingDirectory"):
            check(pod(wrong))


def test_the_cluster_has_kuberays_keys_and_the_locked_version_of_ray(kuberay: dict[str, dict[str, Any]]) -> None:
    assert kuberay["RayCluster"]["apiVersion"] == "ray.io/v1"
    cluster = kuberay["RayCluster"]["spec"]
    head, [workers] = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert set(cluster) == CLUSTER_KEYS
    assert set(head) == GROUP_KEYS
    assert set(workers) == WORKER_KEYS
    assert all(type(value) is str for group in (head, workers) for value in group["rayStartParams"].values())
    assert f"ray=={cluster['rayVersion']}\n" in (FOLDER.parents[1] / "requirements.lock").read_text(encoding="utf-8")
    claim = head["template"]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
    assert claim == kuberay["PersistentVolumeClaim"]["metadata"]["name"]
    images = {group["template"]["spec"]["containers"][0]["image"] for group in (head, workers)}
    assert images == {"REGISTRY/sweeper:1"}


def test_ray_up_takes_its_file_and_ends_no_other_cluster() -> None:
    util = pytest.importorskip("ray.autoscaler._private.util")
    text = (FOLDER / "ray_up.yaml").read_text(encoding="utf-8")
    prepared = util.prepare_config(yaml.safe_load(text))
    util.validate_config(prepared)
    assert "ray stop" not in text
    with pytest.raises(Exception, match="setup_comands"):
        util.validate_config({**prepared, "setup_comands": []})
