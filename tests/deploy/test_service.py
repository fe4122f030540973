"""What the chart, the image and compose say of the service is so: its settings, routes, metrics, times and user."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

pytest.importorskip("helm_python", reason="helm-python-sdk has no wheel for this machine")

import yaml
from cryptography.fernet import Fernet
from prometheus_client.parser import text_string_to_metric_families

from app.backend import ENGINE_STOP_S
from app.http import protocol, server, sse
from app.http.hosts import host_checker
from app.main import create_app
from app.settings import PREFIX, Settings, check_public, load_settings, unknown_variables
from app.telemetry.gauges import register_gauges
from app.telemetry.metrics import Metrics
from tests.api.test_signals import PATIENCE_S, serving
from tests.conftest import Serve
from tests.deploy.cases import CASES, HPA, KEDA, MONITOR, Case
from tests.deploy.rendering import KEYS, SCHEMA, Document, container, environment, merged, of_kind, render

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SCALING = (ROOT / "docs/scaling.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
POD_IP = "10.1.2.3"
OWN = {
    "host", "port", "checkpoints", "device", "precision", "allowed_hosts", "state_key", "api_keys", "api_keys_file",
    "public_without_keys", "drain_delay_s", "shutdown_timeout_s",
}  # fmt: skip
"""Settings for which the chart has values of their own."""


def settings_of(deployment: Document, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The service's settings in a pod, as it would read them."""
    sources = {"CAROUSEL_STATE_KEY": Fernet.generate_key().decode(), "CAROUSEL_THREADS": "2", "POD_IP": POD_IP}
    variables = {
        name: value if isinstance(value, str) else sources[name] for name, value in environment(deployment).items()
    }
    assert unknown_variables(variables) == {}
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("$(POD_IP)", POD_IP))
    settings = load_settings()
    check_public(settings)
    for name in variables:
        monkeypatch.delenv(name)
    return settings


def stopping_s(settings: Settings) -> float:
    """The longest time from SIGTERM to the end of the process."""
    accepting = server.ACCEPT_TICKS * server.TICK_S + protocol.STOP_GRACE_S
    running = settings.shutdown_timeout_s + sse.SHUTDOWN_GRACE_S
    return settings.drain_delay_s + accepting + running + 2 * server.CANCEL_S + ENGINE_STOP_S


class TestSettings:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.path}-{case.pointer}")
    def test_the_service_takes_every_environment(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        for deployment in of_kind(render(case.values()), "Deployment"):
            settings_of(deployment, monkeypatch)

    def test_the_schema_has_all_settings(self) -> None:
        known = SCHEMA["properties"]["settings"]["propertyNames"]["enum"]
        assert sorted(known) == sorted(set(Settings.model_fields) - OWN), (
            "add the new setting to propertyNames of settings in deploy/helm/carousel/values.schema.json"
        )

    def test_they_arrive_as_they_are_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        written = {
            "max_search_characters": 16_000_000,
            "state_lifetime_s": 0.5,
            "traces": True,
            "bad_checkpoints": "skip",
            "defaults": "classify:tr=sentiment-tr",
            "threads": 3,
        }
        (deployment,) = of_kind(render(merged(KEYS, {"settings": written})), "Deployment")
        settings = settings_of(deployment, monkeypatch)
        expected = written | {"defaults": (("classify:tr", "sentiment-tr"),)}
        assert {name: getattr(settings, name) for name in written} == expected

    def test_each_is_set_once(self) -> None:
        for case in CASES:
            for deployment in of_kind(render(case.values()), "Deployment"):
                names = [entry["name"] for entry in container(deployment)["env"]]
                assert len(names) == len(set(names))
                assert {name for name in names if name.startswith(PREFIX)}

    def test_a_pod_is_called_by_its_services_and_its_address(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Kubelet's probes and Prometheus call a pod by its address."""
        documents = render(merged(KEYS, {"allowedHosts": ["lstm.example.org"]}))
        check = host_checker(settings_of(of_kind(documents, "Deployment")[0], monkeypatch))
        (service,) = of_kind(documents, "Service")
        name = service["metadata"]["name"]
        for host in ("lstm.example.org", f"{POD_IP}:8000", name, f"{name}.texts", f"{name}.texts.svc.cluster.local:80"):
            assert check(host.encode()), host
        assert not check(b"evil.example")


class TestRoutes:
    def test_probes_and_scrapes_go_to_routes(self) -> None:
        paths = create_app(Settings()).openapi()["paths"]
        answered = {path for path, operations in paths.items() if "get" in operations}
        documents = render(merged(KEYS, MONITOR))
        (deployment,) = of_kind(documents, "Deployment")
        probes = [container(deployment)[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
        assert [probe["path"] for probe in probes] == ["/readyz", "/livez", "/readyz"]
        (monitor,) = of_kind(documents, "ServiceMonitor")
        (endpoint,) = monitor["spec"]["endpoints"]
        assert {*(probe["path"] for probe in probes), endpoint["path"]} <= answered

        (port,) = container(deployment)["ports"]
        assert environment(deployment)["CAROUSEL_PORT"] == str(port["containerPort"])
        assert {probe["port"] for probe in probes} == {port["name"]}
        for service in of_kind(documents, "Service"):
            assert [entry["targetPort"] for entry in service["spec"]["ports"]] == [port["name"]]
            assert endpoint["port"] in [entry["name"] for entry in service["spec"]["ports"]]

    @pytest.mark.anyio
    async def test_the_autoscaler_reads_a_gauge_of_the_service(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (autoscaler,) = of_kind(render(merged(KEYS, HPA)), "HorizontalPodAutoscaler")
        (metric,) = autoscaler["spec"]["metrics"]
        (scaled,) = of_kind(render(merged(KEYS, KEDA)), "ScaledObject")
        query = scaled["spec"]["triggers"][0]["metadata"]["query"]
        name = metric["pods"]["metric"]["name"]
        assert query == f'sum({name}{{namespace="texts",pod=~"test-carousel-[a-z0-9]+-[a-z0-9]+"}})'
        families = text_string_to_metric_families((await client.get("/metrics")).text)
        (gauge,) = (family for family in families if family.name == name)
        assert gauge.type == "gauge"
        assert len(gauge.samples) == 1

    @pytest.mark.anyio
    async def test_the_gauge_is_the_engines_prediction(self) -> None:
        metrics = Metrics()
        engine: Any = SimpleNamespace(
            predicted_wait_s=lambda: 1.5, queued=0, running=0, registry=SimpleNamespace(models={})
        )
        register_gauges(metrics, engine)
        assert b"\ncarousel_predicted_wait_seconds 1.5\n" in metrics.page()


class TestStopping:
    @pytest.mark.parametrize("drain", [(0, 0, 1), (5, 5, 20), (10, 0, 60), (0, 30, 120)])
    def test_a_pod_is_killed_only_after_its_longest_stop(
        self, drain: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, delay, timeout = drain
        values = {"drain": {"preStopSeconds": before, "delaySeconds": delay, "timeoutSeconds": timeout}}
        (deployment,) = of_kind(render(merged(KEYS, values)), "Deployment")
        settings = settings_of(deployment, monkeypatch)
        assert (settings.drain_delay_s, settings.shutdown_timeout_s) == (delay, timeout)
        grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert before + stopping_s(settings) <= grace <= before + delay + timeout + 10

    def test_compose_waits_for_the_longest_stop_too(self) -> None:
        for service in COMPOSE.values():
            assert stopping_s(Settings()) <= int(service["stop_grace_period"].removesuffix("s"))


class TestImage:
    def test_the_user_is_the_same_everywhere(self) -> None:
        (deployment,) = of_kind(render(KEYS), "Deployment")
        context = deployment["spec"]["template"]["spec"]["securityContext"]
        (user,) = re.findall(r"^USER (\d+:\d+)$", DOCKERFILE, re.MULTILINE)
        assert user == f"{context['runAsUser']}:{context['runAsGroup']}"
        assert context["runAsNonRoot"] is True
        assert {service["user"] for service in COMPOSE.values()} == {user}

    def test_the_port_is_the_same_everywhere(self) -> None:
        (deployment,) = of_kind(render(KEYS), "Deployment")
        (port,) = container(deployment)["ports"]
        assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [str(port["containerPort"])]
        for service in COMPOSE.values():
            assert [mapping.split(":")[-1] for mapping in service["ports"]] == [str(port["containerPort"])]

    def test_only_tmp_can_be_written_to(self) -> None:
        (deployment,) = of_kind(render(KEYS), "Deployment")
        mounts = container(deployment)["volumeMounts"]
        assert [mount["mountPath"] for mount in mounts if not mount.get("readOnly")] == ["/tmp"]  # noqa: S108
        for service in COMPOSE.values():
            assert service["read_only"] is True
            assert [entry.split(":")[0] for entry in service["tmpfs"]] == ["/tmp"]  # noqa: S108

    def test_the_service_writes_no_file(self, checkpoints: Path, tmp_path: Path) -> None:
        """Neither below HOME, nor into the temporary folder, nor beside the checkpoints, from its start to its end."""
        home, temporary, before = tmp_path / "home", tmp_path / "tmp", sorted(checkpoints.rglob("*"))
        home.mkdir()
        temporary.mkdir()
        variables = {
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "XDG_CACHE_HOME": "",
            "CI": "",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with serving(checkpoints, **variables) as running:
            for route, body in (
                ("generate", {"prompt": "the man", "max_new_tokens": 3, "return_state": True}),
                ("next-word-probs", {"text": "the man"}),
                ("classify", {"text": "a good film", "language": "en", "explain": True}),
                ("translate", {"text": "The man.", "source": "en", "target": "tr"}),
                ("inspect", {"text": "the man", "model": "language-en"}),
            ):
                reply = httpx.post(f"{running.address}/{route}", json=body, timeout=PATIENCE_S)
                assert reply.status_code == 200, reply.text
            running.process.terminate()
            running.process.wait(PATIENCE_S)
        assert list(home.rglob("*")) == []
        assert list(temporary.rglob("*")) == []
        assert sorted(checkpoints.rglob("*")) == before


class TestReplicas:
    def test_a_text_goes_on_at_another_as_the_page_shows(self, serve: Serve) -> None:
        """The example of docs/scaling.md prints what a single request generates."""
        key = Fernet.generate_key().decode()
        first, second = (serve(state_key=key).url for _ in range(2))
        (code,) = re.findall(r"^```python\n(.*?)^```$", SCALING, re.MULTILINE | re.DOTALL)
        assert code.count("http://localhost:8001") == code.count("http://localhost:8002") == 1
        code = code.replace("http://localhost:8001", first).replace("http://localhost:8002", second)
        printed = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_S
        )
        whole = {"prompt": "On the next morning", "seed": 1, "max_new_tokens": 10}
        text = httpx.post(f"{second}/generate", json=whole, timeout=PATIENCE_S).json()["choices"][0]["text"]
        assert printed.stdout == f"{text}\n"
