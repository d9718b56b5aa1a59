"""What ``kubectl kustomize`` makes of an overlay, and our eye for how its parts fit together."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT

FOLDER = PROJECT / "deploy" / "kubernetes"
SECRETS = {"gateway", "postgresql", "redis", "gateway-tls", "models-s3"}
"""Made by hand, as docs/operations.md tells; nothing else may be missing."""
_WORKLOADS = {"Deployment", "StatefulSet"}
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def render(folder: Path) -> str:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Manifests:
    """Every object of a deployment."""

    all: list[dict[str, Any]]

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        return [each for each in self.all if each["kind"] in kinds]

    def named(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = (each for each in self.of(kind) if each["metadata"]["name"] == name)
        return found

    @property
    def workloads(self) -> list[dict[str, Any]]:
        return self.of(*_WORKLOADS)

    def pods(self, labels: dict[str, str]) -> list[dict[str, Any]]:
        """Workloads whose pods have these labels."""
        return [
            each
            for each in self.workloads
            if labels.items() <= each["spec"]["template"]["metadata"]["labels"].items()
        ]


def containers(workload: dict[str, Any]) -> list[dict[str, Any]]:
    spec = workload["spec"]["template"]["spec"]
    return [*spec["containers"], *spec.get("initContainers", [])]


def port_names(workload: dict[str, Any]) -> set[str]:
    return {port["name"] for each in containers(workload) for port in each.get("ports", [])}


def complaints(manifests: Manifests) -> Iterator[str]:
    """What no validator sees, since it looks at one object at a time."""
    for check in (
        _probes,
        _selectors,
        _services,
        _names_of_services,
        _policies,
        _scaling,
        _images,
        _references,
    ):
        yield from check(manifests)


def _probes(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads:
        for container in workload["spec"]["template"]["spec"]["containers"]:
            who = f"{workload['metadata']['name']}/{container['name']}"
            named = {port["name"] for port in container.get("ports", [])}
            for kind in ("livenessProbe", "readinessProbe"):
                if kind not in container:
                    yield f"{who} has no {kind}"
            for probe in (container[kind] for kind in _PROBES if kind in container):
                port = (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")
                if port is not None and port not in named:
                    yield f"{who}: a probe asks at port {port}, which there is none of"


def _selectors(manifests: Manifests) -> Iterator[str]:
    for each in manifests.all:
        name = f"{each['kind']} {each['metadata']['name']}"
        selector = each.get("spec", {}).get("selector") or {}
        labels = selector.get("matchLabels")
        if each["kind"] == "PodDisruptionBudget" and not manifests.pods(labels):
            yield f"{name} selects nothing"
        if each["kind"] in _WORKLOADS and each not in manifests.pods(labels):
            yield f"{name} does not select its own pods"
        if each["kind"] == "ServiceMonitor":
            found = [
                service
                for service in manifests.of("Service")
                if labels.items() <= service["metadata"].get("labels", {}).items()
            ]
            ports = {port["name"] for service in found for port in service["spec"]["ports"]}
            for endpoint in each["spec"]["endpoints"]:
                if endpoint["port"] not in ports:
                    yield f"{name} scrapes port {endpoint['port']}, which no Service has"


def _services(manifests: Manifests) -> Iterator[str]:
    for service in manifests.of("Service"):
        name = f"Service {service['metadata']['name']}"
        found = manifests.pods(service["spec"]["selector"])
        if not found:
            yield f"{name} has no pods"
        for port in service["spec"]["ports"]:
            if not all(port["targetPort"] in port_names(each) for each in found):
                yield f"{name} leads to port {port['targetPort']}, which its pods have none of"


def _names_of_services(manifests: Manifests) -> Iterator[str]:
    services = {each["metadata"]["name"] for each in manifests.of("Service")}
    for each in manifests.of("StatefulSet"):
        if each["spec"]["serviceName"] not in services:
            yield f"StatefulSet {each['metadata']['name']} is named by no Service"
    for ingress in manifests.of("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                if path["backend"]["service"]["name"] not in services:
                    yield f"Ingress: {path['path']} leads to no Service"


def _policies(manifests: Manifests) -> Iterator[str]:
    for policy in manifests.of("NetworkPolicy"):
        name, spec = f"NetworkPolicy {policy['metadata']['name']}", policy["spec"]
        own = spec["podSelector"].get("matchLabels", {})
        targets = manifests.pods(own)
        if not targets:
            yield f"{name} selects nothing"
        for rule in spec.get("ingress", []):
            for port in rule.get("ports", []):
                if not any(port["port"] in port_names(each) for each in targets):
                    yield f"{name} opens port {port['port']}, which its pods have none of"
        for rule in [*spec.get("ingress", []), *spec.get("egress", [])]:
            for peer in [*rule.get("from", []), *rule.get("to", [])]:
                labels = peer.get("podSelector", {}).get("matchLabels")
                if labels and not manifests.pods(labels):
                    yield f"{name} names pods that there are none of: {labels}"


def _scaling(manifests: Manifests) -> Iterator[str]:
    adapter = yaml.safe_load((FOLDER / "components/autoscaling/adapter-values.yaml").read_text())
    rules = adapter["rules"]
    external = {rule["name"]["as"]: rule["seriesQuery"] for rule in rules["external"]}
    custom = {rule["seriesQuery"].partition("{")[0] for rule in rules["custom"]}
    recorded = {
        rule["record"]
        for each in manifests.of("PrometheusRule")
        for group in each["spec"]["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    for scaler in manifests.of("HorizontalPodAutoscaler"):
        name = f"HorizontalPodAutoscaler {scaler['metadata']['name']}"
        target = scaler["spec"]["scaleTargetRef"]
        scaled = [
            each
            for each in manifests.of(target["kind"])
            if each["metadata"]["name"] == target["name"]
        ]
        if not scaled:
            yield f"{name} scales nothing"
        if any("replicas" in each["spec"] for each in scaled):
            yield f"{name} scales what sets its own replicas"
        for metric in scaler["spec"]["metrics"]:
            kind = metric["type"].lower()
            asked = metric[kind]["metric"]["name"]
            if kind == "external" and external.get(asked) not in recorded:
                yield f"{name} goes by {asked}, which no rule records"
            if kind == "pods" and asked not in custom:
                yield f"{name} goes by {asked}, which the adapter does not know"


def _images(manifests: Manifests) -> Iterator[str]:
    for workload in manifests.workloads:
        images = [each["image"] for each in containers(workload)]
        volumes = workload["spec"]["template"]["spec"]["volumes"]
        images += [each["image"]["reference"] for each in volumes if "image" in each]
        for image in images:
            tag = image.rpartition("/")[2].partition(":")[2]
            if not any(letter.isdigit() for letter in tag):
                yield f"{workload['metadata']['name']}: {image} is not pinned to a version"


def _references(manifests: Manifests) -> Iterator[str]:
    def names(kind: str) -> set[str]:
        return {each["metadata"]["name"] for each in manifests.of(kind)}

    known = {
        "configMap": names("ConfigMap"),
        "secret": SECRETS,
        "claim": names("PersistentVolumeClaim"),
    }
    for workload in manifests.workloads:
        spec, name = workload["spec"]["template"]["spec"], workload["metadata"]["name"]
        if spec["serviceAccountName"] not in names("ServiceAccount"):
            yield f"{name} has an account that is not there"
        asked = [("secret", v["secret"]["secretName"]) for v in spec["volumes"] if "secret" in v]
        asked += [
            ("claim", v["persistentVolumeClaim"]["claimName"])
            for v in spec["volumes"]
            if "persistentVolumeClaim" in v
        ]
        for source in (s for each in containers(workload) for s in each.get("envFrom", [])):
            kind = "secret" if "secretRef" in source else "configMap"
            asked.append((kind, source[f"{kind}Ref"]["name"]))
        yield from (
            f"{name} needs {k} {n}, which is not there" for k, n in asked if n not in known[k]
        )
        mounted = {v["name"] for each in containers(workload) for v in each["volumeMounts"]}
        templates = workload["spec"].get("volumeClaimTemplates", [])
        given = {v["name"] for v in spec["volumes"]} | {v["metadata"]["name"] for v in templates}
        yield from (f"{name} mounts {each}, which is not there" for each in mounted - given)
        yield from (f"{name} has {each} and mounts it nowhere" for each in given - mounted)
