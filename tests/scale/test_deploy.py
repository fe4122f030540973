"""What `deploy/ray` says is what Ray, Kubernetes and the service take."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from cryptography.fernet import Fernet

from app import __version__
from app.scale.arguments import Arguments
from app.scale.plan import deployment_options, make_plan
from app.settings import Settings, unknown_variables
from tests.deploy.extensions import STRING, STRINGS, strict

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/ray"
SERVE: dict[str, Any] = yaml.safe_load((FOLDER / "serve.yaml").read_text("utf-8"))
SERVICE: dict[str, Any] = yaml.safe_load((FOLDER / "rayservice.yaml").read_text("utf-8"))
IN_SERVICE: dict[str, Any] = yaml.safe_load(SERVICE["spec"]["serveConfigV2"])
SCALING = (ROOT / "docs/scaling.md").read_text("utf-8")
configs = pytest.mark.parametrize("config", [SERVE, IN_SERVICE], ids=["serve", "rayservice"])

COUNT = {"type": "integer", "minimum": 0}
GROUP = {"rayStartParams": STRINGS, "template": strict({"spec": {"type": "object"}})}
WORKERS = GROUP | {"groupName": STRING, "replicas": COUNT, "minReplicas": COUNT, "maxReplicas": COUNT}
CLUSTER = strict(
    {
        "rayVersion": STRING,
        "headGroupSpec": strict(GROUP),
        "workerGroupSpecs": {"type": "array", "items": strict(WORKERS), "minItems": 1},
    },
    {"enableInTreeAutoscaling": {"type": "boolean"}},
)
RAY_SERVICE = strict(
    {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayService"},
        "metadata": strict({"name": STRING}),
        "spec": strict(
            {"serveConfigV2": STRING, "rayClusterConfig": CLUSTER}, {"rayClusterDeletionDelaySeconds": COUNT}
        ),
    }
)
"""Written from the reference of ray.io/v1 (KubeRay 1.5): the fields that are set here, and no others."""


def groups() -> list[dict[str, Any]]:
    cluster = SERVICE["spec"]["rayClusterConfig"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def variables() -> dict[str, str]:
    (container,) = groups()[0]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


class TestServeConfig:
    @configs
    def test_ray_takes_it(self, config: dict[str, Any]) -> None:
        schema = pytest.importorskip("ray.serve.schema", reason="Ray is an extra that is not installed")
        schema.ServeDeploySchema.model_validate(config)

    @configs
    def test_the_builder_takes_its_arguments(self, config: dict[str, Any], node: pytest.MonkeyPatch) -> None:
        (application,) = config["applications"]
        arguments = Arguments.model_validate(application["args"])
        assert make_plan(arguments).load().precision == "int8"

    @configs
    def test_it_names_what_there_is(self, config: dict[str, Any]) -> None:
        ray_serve = pytest.importorskip("app.scale.ray_serve", reason="Ray is an extra that is not installed")
        (application,) = config["applications"]
        module, _, function = application["import_path"].partition(":")
        assert (module, getattr(ray_serve, function)) == (ray_serve.__name__, ray_serve.build)
        assert [deployment["name"] for deployment in application["deployments"]] == [ray_serve.NAME]

    def test_the_builder_makes_a_deployment(self, node: pytest.MonkeyPatch) -> None:
        ray_serve = pytest.importorskip("app.scale.ray_serve", reason="Ray is an extra that is not installed")
        bound = ray_serve.build(Arguments(min_replicas=2, max_replicas=3))
        deployment, options = bound._bound_deployment, deployment_options(Arguments(), Settings())
        assert deployment.max_ongoing_requests == options["max_ongoing_requests"]
        assert deployment.ray_actor_options["num_cpus"] == 1

    def test_a_cluster_differs_only_in_its_sizes_and_its_address(self) -> None:
        alike = {**SERVE, "http_options": SERVE["http_options"] | {"host": "0.0.0.0"}}  # noqa: S104
        application = SERVE["applications"][0]
        sizes = {name: IN_SERVICE["applications"][0]["args"][name] for name in ("min_replicas", "max_replicas", "cpus")}
        alike["applications"] = [application | {"args": application["args"] | sizes}]
        assert alike == IN_SERVICE


class TestRayService:
    def test_its_fields_are_those_of_its_kind(self) -> None:
        jsonschema.validate(SERVICE, RAY_SERVICE)

    @pytest.mark.parametrize("group", groups(), ids=["head", "workers"])
    def test_kubernetes_takes_its_pods(self, group: dict[str, Any]) -> None:
        validator = pytest.importorskip("kubernetes_validate")
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "carousel"}, "spec": group["template"]["spec"]}
        validator.validate(pod, "1.37", strict=True)

    def test_all_pods_are_alike(self) -> None:
        """HAProxy runs on each, and so does the builder, on any."""
        head, workers = (group["template"]["spec"] for group in groups())
        for name in ("image", "env", "volumeMounts"):
            assert head["containers"][0][name] == workers["containers"][0][name]
        assert head["volumes"] == workers["volumes"]

    def test_a_replica_fits_on_a_worker(self) -> None:
        args = IN_SERVICE["applications"][0]["args"]
        (container,) = groups()[1]["template"]["spec"]["containers"]
        assert float(container["resources"]["limits"]["cpu"]) == args["cpus"]
        assert (groups()[1]["minReplicas"], groups()[1]["maxReplicas"]) == (args["min_replicas"], args["max_replicas"])

    def test_the_old_cluster_outlives_its_requests(self) -> None:
        assert SERVICE["spec"]["rayClusterDeletionDelaySeconds"] > Settings().request_timeout_s
        assert int(variables()["RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S"]) > Settings().request_timeout_s

    def test_the_service_takes_its_environment(self, node: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert unknown_variables(variables()) == {}
        keys = tmp_path / "api-keys.json"
        keys.write_text('{"keys": []}', encoding="utf-8")
        node.delenv("CAROUSEL_PUBLIC_WITHOUT_KEYS")
        node.setenv("CAROUSEL_API_KEYS_FILE", str(keys))
        node.setenv("CAROUSEL_STATE_KEY", Fernet.generate_key().decode())
        make_plan(Arguments.model_validate(IN_SERVICE["applications"][0]["args"]))


def test_versions_are_the_projects() -> None:
    constraints = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").split())
    images = {group["template"]["spec"]["containers"][0]["image"] for group in groups()}
    assert images == {f"carousel-ray:{__version__}"}
    assert SERVICE["spec"]["rayClusterConfig"]["rayVersion"] == constraints["ray"]
    assert f"RAY_IMAGE=rayproject/ray:{constraints['ray']}-" in (FOLDER / "Dockerfile").read_text("utf-8")


def test_rays_variables_are_rays() -> None:
    """Those of the manifest, and those that the documentation names."""
    constants = pytest.importorskip("ray.serve._private.constants", reason="Ray is an extra that is not installed")
    source = Path(constants.__file__).read_text("utf-8")
    named = {name for name in variables() if name.startswith("RAY_SERVE_")} | set(re.findall(r"RAY_SERVE_\w+", SCALING))
    assert {name for name in named if f'"{name}"' not in source} == set(), version("ray")
