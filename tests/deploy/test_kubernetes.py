"""Every overlay, and every source of models, as Kubernetes would get them."""

from __future__ import annotations

import copy
import re
import subprocess
import sys

import pytest
import yaml

from gateway.app import create_app
from gateway.settings import Settings
from tests.conftest import PROJECT
from tests.deploy.manifests import FOLDER, Manifests, complaints, containers, render

OVERLAYS = ("cpu", "gpu", "dev")
MODELS = ("models-image", "models-pvc", "models-s3")
_CUSTOM = {"PrometheusRule", "ServiceMonitor"}  # the operator's own, which have no public schema


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """Every overlay; and, in the dev overlay, the other two sources of models."""
    made = {name: render(FOLDER / "overlays" / name) for name in OVERLAYS}
    copied = tmp_path_factory.mktemp("kubernetes") / "kubernetes"
    subprocess.run(["cp", "-r", FOLDER, copied], check=True)
    overlay = copied / "overlays" / "dev" / "kustomization.yaml"
    text = overlay.read_text()
    for models in MODELS[1:]:
        overlay.write_text(text.replace("models-image", models))
        made[models] = render(overlay.parent)
    return made


@pytest.fixture(scope="session")
def objects(rendered):
    return {name: Manifests(list(yaml.safe_load_all(text))) for name, text in rendered.items()}


NAMES = (*OVERLAYS, *MODELS[1:])


@pytest.mark.parametrize("name", NAMES)
def test_the_schemas_agree(rendered, name, tmp_path):
    objects = [each for each in yaml.safe_load_all(rendered[name]) if each["kind"] not in _CUSTOM]
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", "1.35", str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARN" not in done.stderr + done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_fit_together(objects, name):
    assert list(complaints(objects[name])) == []


def _rename_port(manifests):
    containers(manifests.named("StatefulSet", "gateway"))[0]["ports"][0]["name"] = "web"


def _relabel(manifests):
    pods = manifests.named("Deployment", "triton")["spec"]["template"]
    pods["metadata"]["labels"] = {"app.kubernetes.io/name": "other"}


def _other_metric(manifests):
    scaler = manifests.named("HorizontalPodAutoscaler", "triton")
    scaler["spec"]["metrics"][0]["external"]["metric"]["name"] = "nothing"


def _no_record(manifests):
    manifests.all.remove(manifests.named("PrometheusRule", "acousticsense"))


def _latest(manifests):
    containers(manifests.named("StatefulSet", "gateway"))[0]["image"] = "gateway:latest"


def _no_claim(manifests):
    manifests.all.remove(manifests.named("PersistentVolumeClaim", "gateway-data"))


def _own_replicas(manifests):
    manifests.named("Deployment", "triton")["spec"]["replicas"] = 2


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_rename_port, "a probe asks at port http"),
        (_rename_port, "Service gateway leads to port http"),
        (_rename_port, "NetworkPolicy gateway opens port http"),
        (_relabel, "Deployment triton does not select its own pods"),
        (_relabel, "Service triton has no pods"),
        (_relabel, "PodDisruptionBudget triton selects nothing"),
        (_other_metric, "goes by nothing, which no rule records"),
        (_no_record, "goes by acousticsense_triton_queue_to_compute, which no rule records"),
        (_latest, "gateway:latest is not pinned"),
        (_no_claim, "needs claim gateway-data"),
        (_own_replicas, "scales what sets its own replicas"),
    ],
)
def test_our_own_checks_see_what_they_are_for(objects, damage, words):
    damaged = copy.deepcopy(objects["cpu"])
    damage(damaged)
    assert any(words in each for each in complaints(damaged))


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_is_held_to_the_restricted_standard(objects, name):
    assert objects[name].of("Namespace")[0]["metadata"]["labels"][
        "pod-security.kubernetes.io/enforce"
    ]
    for workload in objects[name].workloads:
        pod = workload["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(workload):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"].keys() >= {"cpu", "memory"}


@pytest.mark.parametrize("name", NAMES)
def test_triton_has_whole_cores_and_shared_memory_of_a_size(objects, name):
    triton = objects[name].named("Deployment", "triton")
    (container,) = triton["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["cpu"].isdecimal()
    (cores,) = (each for each in container["env"] if each["name"] == "ACOUSTICSENSE_CORES")
    source = cores["valueFrom"]["resourceFieldRef"]
    assert (source["resource"], source.get("divisor", "0")) == ("limits.cpu", "0")  # rounds up
    volumes = {each["name"]: each for each in triton["spec"]["template"]["spec"]["volumes"]}
    assert volumes["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}


@pytest.mark.parametrize("name", NAMES)
def test_whoever_ends_has_the_time_that_its_work_may_take(objects, name):
    settings = {
        re.sub(r"-[a-z0-9]{10}$", "", each["metadata"]["name"]): each["data"]
        for each in objects[name].of("ConfigMap")
    }
    deadline = Settings.model_fields["deadline_seconds"].default
    for kind, part, variable in (
        ("StatefulSet", "gateway", "ACOUSTICSENSE_GRACE_SECONDS"),
        ("Deployment", "triton", "TRITON_EXIT_SECONDS"),
    ):
        pod = objects[name].named(kind, part)["spec"]["template"]["spec"]
        pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        work = int(settings[part][variable])
        assert work > deadline
        assert pause + work < pod["terminationGracePeriodSeconds"]


def test_the_ingress_lets_through_what_the_gateway_takes(objects):
    notes = objects["cpu"].named("Ingress", "gateway")["metadata"]["annotations"]
    size, seconds = (
        int(notes[f"nginx.ingress.kubernetes.io/proxy-{each}"].removesuffix("m"))
        for each in ("body-size", "read-timeout")
    )
    assert size * 2**20 > Settings.model_fields["max_audio_bytes"].default * 4 / 3 + 2 * 2**20
    assert seconds > Settings.model_fields["deadline_seconds"].default


def test_the_ingress_leads_to_every_call_and_not_to_the_metrics(objects, tmp_path):
    (rule,) = objects["cpu"].named("Ingress", "gateway")["spec"]["rules"]

    def leads(path):
        return any(
            path == each["path"]
            or (each["pathType"] == "Prefix" and path.startswith(each["path"] + "/"))
            for each in rule["http"]["paths"]
        )

    calls = create_app(Settings(data_dir=tmp_path)).openapi()["paths"].keys()
    inside = {"/metrics", "/health/live", "/health/ready"}
    assert inside < calls
    assert [path for path in calls | {"/page/main.js"} if leads(path) == (path in inside)] == []


@pytest.mark.parametrize("name", NAMES)
def test_only_the_gateway_reaches_triton_and_the_databases(objects, name):
    everyone = objects[name].named("NetworkPolicy", "nobody")["spec"]
    assert everyone == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    only = [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "gateway"}}}]
    for part, port in (("triton", "grpc"), ("postgresql", "postgresql"), ("redis", "redis")):
        rules = objects[name].named("NetworkPolicy", part)["spec"]["ingress"]
        assert [rule["from"] for rule in rules if rule["ports"] == [{"port": port}]] == [only]


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "169.254.169.254", "172.20.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1"],
)
def test_downloads_and_webhooks_reach_no_private_address(objects, address):
    from ipaddress import ip_address, ip_network

    for policy in objects["cpu"].of("NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer):
                inside = ip_address(address) in ip_network(block["cidr"])
                excepted = any(ip_address(address) in ip_network(e) for e in block["except"])
                assert not inside or excepted


def test_the_rules_of_the_operator_are_those_that_promtool_tests(objects):
    rules = yaml.safe_load((PROJECT / "deploy" / "monitoring" / "rules.yml").read_text())
    assert objects["cpu"].of("PrometheusRule")[0]["spec"] == rules


def test_settings_in_the_manifests_exist():
    for line in (FOLDER / "base" / "gateway.env").read_text().splitlines():
        name = line.partition("=")[0].removeprefix("ACOUSTICSENSE_").lower()
        assert name in Settings.model_fields or name == "secrets_dir"
