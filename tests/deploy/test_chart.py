"""The Helm chart: linted, rendered and validated without a cluster, and compared with the service that it runs."""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any

import pytest

pytest.importorskip("helm_python", reason="helm-python-sdk has no wheel for this machine")

import jsonschema
import kubernetes_validate.utils
import yaml

from app import __version__
from tests.deploy.cases import CASES, HPA, INGRESS, KEDA, MONITOR, NEW, PUBLIC, SETS, Case, read
from tests.deploy.extensions import SCHEMAS
from tests.deploy.rendering import (
    CHART,
    KEYS,
    SCHEMA,
    VALUES,
    Document,
    Refused,
    container,
    leaves,
    lint,
    merged,
    nested,
    of_kind,
    render,
)  # fmt: skip

OLDEST, LATEST = "1.30", "1.37"
"""Versions of Kubernetes: the first that Chart.yaml allows, and the last that the validator knows."""
LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
VOLUME = {"persistentVolumeClaim": {"claimName": "models"}}
EVERYTHING = merged(
    KEYS, HPA, INGRESS, MONITOR, {"checkpoints": SETS | {"volume": VOLUME}, "allowedHosts": ["lstm.example.org"]}
)
by_path = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.path}-{case.pointer}")


@pytest.fixture(scope="module", autouse=True)
def schemas_are_read_once() -> Iterator[None]:
    """The validator reads a megabyte of JSON for each document that it validates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes_validate.utils, "schema_contents", cache(kubernetes_validate.utils.schema_contents))
        yield


@cache
def violation(document: str, version: str) -> str | None:
    """What is wrong with a document as JSON, for a version of Kubernetes."""
    content = json.loads(document)
    try:
        if content["kind"] in SCHEMAS:
            jsonschema.Draft202012Validator(SCHEMAS[content["kind"]]).validate(content)
        else:
            kubernetes_validate.validate(content, version, strict=True)
    except jsonschema.ValidationError as error:
        return f"{content['kind']}: {error.json_path}: {error.message}"
    return None


def check(documents: list[Document]) -> None:
    assert documents
    for document in documents:
        for version in (OLDEST, LATEST):
            assert violation(json.dumps(document, sort_keys=True), version) is None
    names = [(document["kind"], document["metadata"]["name"]) for document in documents]
    assert len(names) == len(set(names))


def comments() -> dict[str, str]:
    """The comment before each key of values.yaml, in one line."""
    found, path, lines = dict[str, str](), list[str](), list[str]()
    for line in (CHART / "values.yaml").read_text(encoding="utf-8").splitlines():
        if comment := re.fullmatch(r" *# (.+)", line):
            lines.append(comment[1])
            continue
        if key := re.match(r"( *)([A-Za-z]+):", line):
            path = [*path[: len(key[1]) // 2], key[2]]
            found[".".join(path)] = " ".join(lines)
        lines = []
    return found


def descriptions(schema: dict[str, Any], path: str = "") -> dict[str, str]:
    """The description of each value in the schema, where groups are values too."""
    found = {}
    for key, inner in schema.get("properties", {}).items():
        found[path + key] = inner.get("description", "")
        found |= descriptions(inner, f"{path}{key}.")
    return found


class TestValues:
    @pytest.mark.parametrize("values", [{}, KEYS, EVERYTHING], ids=["defaults", "keys", "everything"])
    def test_helm_has_no_warning(self, values: dict[str, Any]) -> None:
        assert [finding for finding in lint(values) if finding["severity"] > 1] == []

    def test_each_has_a_comment_which_is_its_description(self) -> None:
        described = descriptions(SCHEMA)
        assert all(described.values())
        assert {path: text for path, text in comments().items() if path in described} == described

    def test_the_schema_knows_them_and_no_others(self) -> None:
        def compare(values: dict[str, Any], schema: dict[str, Any]) -> None:
            if "properties" in schema:
                assert schema["additionalProperties"] is False
                assert set(schema["properties"]) == set(values)
                for key, value in values.items():
                    compare(value, schema["properties"][key])

        compare(VALUES, SCHEMA)

    def test_each_is_changed_by_a_case(self) -> None:
        assert set(leaves(VALUES, SCHEMA)) == {case.path for case in CASES}

    @by_path
    def test_another_value_changes_the_rendering(self, case: Case) -> None:
        before = read(render(case.values_before()), case.kind, case.pointer)
        after = read(render(case.values()), case.kind, case.pointer)
        assert before != after == case.expected

    @by_path
    def test_documents_are_valid(self, case: Case) -> None:
        check(render(case.values()))

    @pytest.mark.parametrize(
        ("first", "second"), list(combinations([HPA, KEDA, INGRESS, MONITOR, PUBLIC, {"checkpoints": SETS}], 2))
    )
    def test_documents_are_valid_together(self, first: dict[str, Any], second: dict[str, Any]) -> None:
        check(render(merged(KEYS, first, second)))

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({}, "stateKeys: values or existingSecret is needed"),
            ({"stateKeys": {"values": [NEW]}}, "apiKeys: file or existingSecret is needed"),
            (merged(KEYS, {"serviceMonitor": {"enabled": True}}), "serviceMonitor.keySecret.name"),
            (merged(KEYS, {"ingress": {"enabled": True}}), "ingress.hosts"),
            (merged(KEYS, {"autoscaling": {"kind": "keda"}}), "autoscaling.keda.serverAddress"),
            (merged(KEYS, HPA, {"autoscaling": {"minReplicas": 9}}), "autoscaling.minReplicas"),
            (
                merged(KEYS, {"checkpoints": SETS | {"active": "cccccccccccc-int8"}}),
                r"\"cccccccccccc-int8\" is none of the sets aaaaaaaaaaaa-int8, bbbbbbbbbbbb-int8",
            ),
            (
                merged(
                    KEYS,
                    {
                        "checkpoints": {
                            "sets": [{"digest": "a" * 12}, {"digest": f"sha256:{'a' * 64}"}],
                            "active": "aaaaaaaaaaaa-int8",
                        }
                    },
                ),
                "two have the same digest and precision",
            ),
            (merged(KEYS, {"repicas": 3}), "repicas"),
            (merged(KEYS, {"settings": {"rate_limits": "60000/minute"}}), "rate_limits"),
            (merged(KEYS, {"settings": {"port": 80}}), "port"),
            (merged(KEYS, {"stateKeys": {"values": ["secret"]}}), "stateKeys/values"),
            (merged(KEYS, {"checkpoints": {"sets": [{"digest": "blue"}]}}), "checkpoints/sets/0/digest"),
        ],
    )
    def test_what_cannot_work_is_refused(self, values: dict[str, Any], message: str) -> None:
        with pytest.raises(Refused, match=message):
            render(values)


class TestObjects:
    def test_pods_meet_the_restricted_security_standard(self) -> None:
        """Kubernetes' Pod Security Standards, "restricted"."""
        for deployment in of_kind(render(EVERYTHING), "Deployment"):
            pod = deployment["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["runAsUser"] != 0
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert container(deployment)["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            allowed = {"emptyDir", "secret", "persistentVolumeClaim"}
            assert {source for volume in pod["volumes"] for source in volume if source != "name"} <= allowed
            assert pod["automountServiceAccountToken"] is False
            assert all(
                mount.get("readOnly") for mount in container(deployment)["volumeMounts"] if mount["name"] != "tmp"
            )

    def test_services_set_no_variables(self) -> None:
        """A Service named carousel sets CAROUSEL_PORT=tcp://… in pods that don't say otherwise."""
        for deployment in of_kind(render(KEYS, name="carousel"), "Deployment"):
            assert deployment["spec"]["template"]["spec"]["enableServiceLinks"] is False

    @pytest.mark.parametrize("checkpoints", [{}, SETS], ids=["one", "sets"])
    def test_selectors_find_the_pods_that_they_are_for(self, checkpoints: dict[str, Any]) -> None:
        documents = render(merged(EVERYTHING, {"checkpoints": {"sets": [], **checkpoints}}))
        pods = {
            document["metadata"]["name"]: document["spec"]["template"]["metadata"]["labels"]
            for document in of_kind(documents, "Deployment")
        }

        def found(selector: dict[str, str]) -> set[str]:
            return {name for name, labels in pods.items() if selector.items() <= labels.items()}

        for deployment in of_kind(documents, "Deployment"):
            assert found(deployment["spec"]["selector"]["matchLabels"]) == {deployment["metadata"]["name"]}
        for budget in of_kind(documents, "PodDisruptionBudget"):
            assert found(budget["spec"]["selector"]["matchLabels"]) == {budget["metadata"]["name"]}
        assert {
            scaler["spec"]["scaleTargetRef"]["name"] for scaler in of_kind(documents, "HorizontalPodAutoscaler")
        } == set(pods)
        active = f"test-carousel-{SETS['active']}" if checkpoints else "test-carousel"
        for service in of_kind(documents, "Service"):
            name = service["metadata"]["name"]
            expected = {"test-carousel": {active}, "test-carousel-metrics": set(pods)}.get(name, {name})
            assert found(service["spec"]["selector"]) == expected
        (monitor,) = of_kind(documents, "ServiceMonitor")
        watched = monitor["spec"]["selector"]["matchLabels"].items()
        services = [service["metadata"] for service in of_kind(documents, "Service")]
        assert [service["name"] for service in services if watched <= service["labels"].items()] == [
            "test-carousel-metrics"
        ]

    def test_switching_sets_changes_the_selector_of_the_service_alone(self) -> None:
        first, second = (
            render(merged(EVERYTHING, {"checkpoints": {"active": f"{digit * 12}-int8"}})) for digit in "ab"
        )
        changed = [(one, other) for one, other in zip(first, second, strict=True) if one != other]
        assert [(one["kind"], one["metadata"]["name"]) for one, _ in changed] == [("Service", "test-carousel")]
        ((one, other),) = changed
        assert merged(one, nested("spec.selector.carousel/checkpoint", "bbbbbbbbbbbb-int8")) == other

    def test_a_further_set_changes_no_other(self) -> None:
        more = merged(
            EVERYTHING, {"checkpoints": {"sets": [{"digest": "c" * 12, "precision": "float32"}, *SETS["sets"]]}}
        )
        before, after = (
            {d["metadata"]["name"]: d for d in of_kind(render(values), "Deployment")} for values in (EVERYTHING, more)
        )
        assert set(after) - set(before) == {"test-carousel-cccccccccccc-float32"}
        for name, deployment in before.items():
            names = after[name]["spec"]["template"]["spec"]["containers"][0]["env"], container(deployment)["env"]
            allowed = [entry for env in names for entry in env if entry["name"] == "CAROUSEL_ALLOWED_HOSTS"]
            assert [entry for entry in names[0] if entry not in allowed] == [
                entry for entry in names[1] if entry not in allowed
            ]
        public = [merged(values, {"allowedHosts": []}) for values in (EVERYTHING, more)]
        old, new = ({d["metadata"]["name"]: d for d in of_kind(render(values), "Deployment")} for values in public)
        assert old.items() <= new.items()

    def test_a_set_has_its_own_image_volume_precision_and_replicas(self) -> None:
        own = {
            "digest": "c" * 64,
            "precision": "float32",
            "image": {"tag": "next"},
            "volume": {"emptyDir": {}},
            "subPath": "next",
            "replicas": 7,
        }
        base = {
            "image": {"digest": f"sha256:{'0' * 64}"},
            "checkpoints": {"sets": [own], "active": "cccccccccccc-float32"},
        }
        (deployment,) = of_kind(render(merged(KEYS, base)), "Deployment")
        mount = container(deployment)["volumeMounts"][-1]
        assert container(deployment)["image"] == "carousel:next"
        assert (mount["name"], mount["subPath"], deployment["spec"]["replicas"]) == ("checkpoints", "next", 7)
        assert deployment["spec"]["template"]["spec"]["volumes"][-1] == {"name": "checkpoints", "emptyDir": {}}
        assert deployment["metadata"]["annotations"] == {"carousel/digest": "c" * 64}

    @pytest.mark.parametrize(
        "release", ["a", "carousel", "a" * 53, "my-carousel-of-many-words-that-is-as-long-as-allowed"]
    )
    def test_names_are_names(self, release: str) -> None:
        sets = {"sets": [{"digest": "a" * 12, "precision": "bfloat16"}], "active": "aaaaaaaaaaaa-bfloat16"}
        for document in render(merged(EVERYTHING, {"checkpoints": sets}), name=release):
            assert LABEL.fullmatch(document["metadata"]["name"]), document["metadata"]["name"]

    def test_only_changed_state_keys_restart_pods(self) -> None:
        def pod(values: dict[str, Any]) -> Document:
            keys = {
                "stateKeys": {"existingSecret": "", "values": [NEW]},
                "apiKeys": {"existingSecret": "", "file": "{}"},
            }
            (deployment,) = of_kind(render(merged(KEYS, keys, values)), "Deployment")
            return dict(deployment["spec"]["template"])

        assert pod({"apiKeys": {"file": '{"keys": []}'}}) == pod({})
        assert pod({"stateKeys": {"values": [NEW, NEW]}}) != pod({})

    def test_its_version_is_the_service(self) -> None:
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
        assert chart["appVersion"] == __version__
        assert chart["kubeVersion"] == f">={OLDEST}.0-0"
