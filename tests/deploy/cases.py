"""For each value of the chart, another one, and what it changes."""

from dataclasses import dataclass, field
from typing import Any

from app import __version__
from tests.deploy.rendering import KEYS, Document, environment, merged, nested, of_kind

OLD, NEW = "A" * 43 + "=", "B" * 43 + "="
SHA = "sha256:" + "0123456789abcdef" * 4
POD = "spec.template.spec"
CONTAINER = f"{POD}.containers.0"
PUBLIC = {"stateKeys": {"existingSecret": "keys"}, "apiKeys": {"required": False}}
SETS = {"sets": [{"digest": "a" * 12}, {"digest": "b" * 12}], "active": "aaaaaaaaaaaa-int8"}
MONITOR = {"serviceMonitor": {"enabled": True, "keySecret": {"name": "scrape"}}}
INGRESS = {"ingress": {"enabled": True, "hosts": ["lstm.example.org"]}}
HPA = {"autoscaling": {"kind": "hpa"}}
KEDA = {"autoscaling": {"kind": "keda", "keda": {"serverAddress": "http://prometheus:9090"}}}


@dataclass(frozen=True)
class Case:
    """Setting the value at path to value makes the field of an object at pointer expected, which it was not before.

    kind is an object's, or Environment: the variables of the container. before is the value that this one is compared
    with, where it is not the default. None is expected where there is no such object or field.
    """

    path: str
    value: Any
    kind: str
    pointer: str
    expected: Any
    context: dict[str, Any] = field(default_factory=dict)
    before: Any = ...

    def values(self) -> dict[str, Any]:
        return merged(KEYS, self.context, nested(self.path, self.value))

    def values_before(self) -> dict[str, Any]:
        return merged(KEYS, self.context, {} if self.before is ... else nested(self.path, self.before))


CASES = [
    Case("fullnameOverride", "words", "Service", "metadata.name", "words"),
    Case("replicas", 5, "Deployment", "spec.replicas", 5),
    Case(
        "image.repository", "registry/carousel", "Deployment", f"{CONTAINER}.image", f"registry/carousel:{__version__}"
    ),
    Case("image.tag", "gpu", "Deployment", f"{CONTAINER}.image", "carousel:gpu"),
    Case("image.digest", SHA, "Deployment", f"{CONTAINER}.image", f"carousel@{SHA}"),
    Case("image.pullPolicy", "Always", "Deployment", f"{CONTAINER}.imagePullPolicy", "Always"),
    Case("imagePullSecrets", [{"name": "pull"}], "Deployment", f"{POD}.imagePullSecrets", [{"name": "pull"}]),
    Case(
        "checkpoints.volume",
        {"persistentVolumeClaim": {"claimName": "models"}},
        "Environment",
        "CAROUSEL_CHECKPOINTS",
        "/var/lib/carousel/checkpoints",
    ),
    Case(
        "checkpoints.subPath",
        "2026-11",
        "Deployment",
        f"{CONTAINER}.volumeMounts.2.subPath",
        "2026-11",
        {"checkpoints": {"volume": {"persistentVolumeClaim": {"claimName": "models"}}}},
    ),
    Case(
        "checkpoints.sets",
        [{"digest": "a" * 12}],
        "Deployment",
        "metadata.name",
        "test-carousel-aaaaaaaaaaaa-int8",
        {"checkpoints": {"active": "aaaaaaaaaaaa-int8"}},
    ),
    Case(
        "checkpoints.active",
        "bbbbbbbbbbbb-int8",
        "Service",
        "spec.selector.carousel/checkpoint",
        "bbbbbbbbbbbb-int8",
        {"checkpoints": SETS},
    ),
    Case("device", "cuda", "Environment", "CAROUSEL_DEVICE", "cuda"),
    Case("precision", "float32", "Environment", "CAROUSEL_PRECISION", "float32"),
    Case("settings", {"max_body_bytes": 4_194_304}, "Environment", "CAROUSEL_MAX_BODY_BYTES", "4194304"),
    Case("extraEnv", [{"name": "OTEL_SERVICE_NAME", "value": "words"}], "Environment", "OTEL_SERVICE_NAME", "words"),
    Case(
        "allowedHosts",
        ["lstm.example.org"],
        "Environment",
        "CAROUSEL_ALLOWED_HOSTS",
        "lstm.example.org,test-carousel,test-carousel.texts,test-carousel.texts.svc,"
        "test-carousel.texts.svc.cluster.local,$(POD_IP)",
    ),
    Case(
        "stateKeys.values",
        [NEW, OLD],
        "Secret",
        "stringData.state-keys",
        f"{NEW},{OLD}",
        {"stateKeys": {"existingSecret": ""}},
        before=[OLD],
    ),
    Case("stateKeys.existingSecret", "mine", "Environment", "CAROUSEL_STATE_KEY.secretKeyRef.name", "mine"),
    Case("stateKeys.entry", "keys", "Environment", "CAROUSEL_STATE_KEY.secretKeyRef.key", "keys"),
    Case("apiKeys.required", False, "Environment", "CAROUSEL_PUBLIC_WITHOUT_KEYS", "true"),
    Case(
        "apiKeys.file",
        '{"keys": []}\n',
        "Secret",
        "stringData.api-keys.json",
        '{"keys": []}\n',
        {"apiKeys": {"existingSecret": ""}},
        before="{}",
    ),
    Case("apiKeys.existingSecret", "mine", "Deployment", f"{POD}.volumes.1.secret.secretName", "mine"),
    Case("apiKeys.entry", "keys", "Deployment", f"{POD}.volumes.1.secret.items.0.key", "keys"),
    Case("drain.preStopSeconds", 15, "Deployment", f"{CONTAINER}.lifecycle.preStop.sleep.seconds", 15),
    Case("drain.preStopSeconds", 0, "Deployment", f"{CONTAINER}.lifecycle", None),
    Case("drain.delaySeconds", 15, "Environment", "CAROUSEL_DRAIN_DELAY_S", "15"),
    Case("drain.timeoutSeconds", 60, "Environment", "CAROUSEL_SHUTDOWN_TIMEOUT_S", "60"),
    *(
        Case(f"probes.{probe}.{name}", 17, "Deployment", f"{CONTAINER}.{probe}Probe.{name}", 17)
        for probe in ("startup", "liveness", "readiness")
        for name in ("periodSeconds", "timeoutSeconds", "failureThreshold")
    ),
    Case(
        "resources", {"limits": {"nvidia.com/gpu": 1}}, "Deployment", f"{CONTAINER}.resources.limits.nvidia.com/gpu", 1
    ),
    Case("tmpSizeLimit", "1Gi", "Deployment", f"{POD}.volumes.0.emptyDir.sizeLimit", "1Gi"),
    Case("service.type", "LoadBalancer", "Service", "spec.type", "LoadBalancer"),
    Case("service.port", 8080, "Service", "spec.ports.0.port", 8080),
    Case("service.annotations", {"a.example/b": "c"}, "Service", "metadata.annotations", {"a.example/b": "c"}),
    Case(
        "ingress.enabled",
        True,
        "Ingress",
        "spec.rules.0.http.paths.0.backend.service.name",
        "test-carousel",
        {"ingress": {"hosts": ["lstm.example.org"]}},
    ),
    Case("ingress.className", "proxy", "Ingress", "spec.ingressClassName", "proxy", INGRESS),
    Case("ingress.annotations", {"a.example/b": "c"}, "Ingress", "metadata.annotations", {"a.example/b": "c"}, INGRESS),
    Case("ingress.hosts", ["a.example"], "Ingress", "spec.rules.0.host", "a.example", INGRESS),
    Case(
        "ingress.tlsSecret",
        "certificate",
        "Ingress",
        "spec.tls",
        [{"secretName": "certificate", "hosts": ["lstm.example.org"]}],
        INGRESS,
    ),
    Case(
        "autoscaling.kind",
        "hpa",
        "HorizontalPodAutoscaler",
        "spec.metrics.0.pods.metric.name",
        "carousel_predicted_wait_seconds",
    ),
    Case("autoscaling.kind", "hpa", "Deployment", "spec.replicas", None),
    Case("autoscaling.kind", "keda", "ScaledObject", "spec.scaleTargetRef.name", "test-carousel", KEDA, before="none"),
    Case("autoscaling.minReplicas", 3, "HorizontalPodAutoscaler", "spec.minReplicas", 3, HPA),
    Case("autoscaling.minReplicas", 3, "ScaledObject", "spec.minReplicaCount", 3, KEDA),
    Case("autoscaling.maxReplicas", 64, "HorizontalPodAutoscaler", "spec.maxReplicas", 64, HPA),
    Case("autoscaling.maxReplicas", 64, "ScaledObject", "spec.maxReplicaCount", 64, KEDA),
    Case(
        "autoscaling.targetWaitSeconds",
        2,
        "HorizontalPodAutoscaler",
        "spec.metrics.0.pods.target",
        {"type": "AverageValue", "averageValue": "2"},
        HPA,
    ),
    Case("autoscaling.targetWaitSeconds", 0.25, "ScaledObject", "spec.triggers.0.metadata.threshold", "0.25", KEDA),
    Case(
        "autoscaling.scaleDownSeconds",
        60,
        "HorizontalPodAutoscaler",
        "spec.behavior.scaleDown.stabilizationWindowSeconds",
        60,
        HPA,
    ),
    Case(
        "autoscaling.scaleDownSeconds",
        60,
        "ScaledObject",
        "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds",
        60,
        KEDA,
    ),
    Case(
        "autoscaling.keda.serverAddress",
        "http://thanos:9090",
        "ScaledObject",
        "spec.triggers.0.metadata.serverAddress",
        "http://thanos:9090",
        KEDA,
    ),
    Case("autoscaling.keda.query", "vector(1)", "ScaledObject", "spec.triggers.0.metadata.query", "vector(1)", KEDA),
    Case("podDisruptionBudget.enabled", False, "PodDisruptionBudget", "metadata.name", None),
    Case("podDisruptionBudget.maxUnavailable", "25%", "PodDisruptionBudget", "spec.maxUnavailable", "25%"),
    Case(
        "serviceMonitor.enabled",
        True,
        "ServiceMonitor",
        "spec.endpoints.0.path",
        "/metrics",
        {"serviceMonitor": {"keySecret": {"name": "scrape"}}},
    ),
    Case("serviceMonitor.interval", "5s", "ServiceMonitor", "spec.endpoints.0.interval", "5s", MONITOR),
    Case("serviceMonitor.labels", {"release": "stack"}, "ServiceMonitor", "metadata.labels.release", "stack", MONITOR),
    Case(
        "serviceMonitor.keySecret.name",
        "scrape",
        "ServiceMonitor",
        "spec.endpoints.0.authorization.credentials",
        {"name": "scrape", "key": "api-key"},
        {**PUBLIC, "serviceMonitor": {"enabled": True}},
    ),
    Case(
        "serviceMonitor.keySecret.entry",
        "mine",
        "ServiceMonitor",
        "spec.endpoints.0.authorization.credentials.key",
        "mine",
        MONITOR,
    ),
    Case("serviceAccountName", "reader", "Deployment", f"{POD}.serviceAccountName", "reader"),
    Case(
        "podSecurityContext",
        {"runAsUser": 1_000_650_000},
        "Deployment",
        f"{POD}.securityContext.runAsUser",
        1_000_650_000,
    ),
    Case("podAnnotations", {"a.example/b": "c"}, "Deployment", "spec.template.metadata.annotations.a.example/b", "c"),
    Case("podLabels", {"team": "words"}, "Deployment", "spec.template.metadata.labels.team", "words"),
    Case("priorityClassName", "high", "Deployment", f"{POD}.priorityClassName", "high"),
    Case(
        "spreadOver",
        ["topology.kubernetes.io/zone"],
        "Deployment",
        f"{POD}.topologySpreadConstraints.0.topologyKey",
        "topology.kubernetes.io/zone",
    ),
    Case("nodeSelector", {"disk": "ssd"}, "Deployment", f"{POD}.nodeSelector", {"disk": "ssd"}),
    Case("tolerations", [{"operator": "Exists"}], "Deployment", f"{POD}.tolerations", [{"operator": "Exists"}]),
    Case("affinity", {"nodeAffinity": {}}, "Deployment", f"{POD}.affinity", {"nodeAffinity": {}}),
]


def read(documents: list[Document], kind: str, path: str) -> Any:
    """A field of the first object of a kind; None if there is none."""
    if kind == "Environment":
        node: Any = environment(of_kind(documents, "Deployment")[0])
    else:
        node = next(iter(of_kind(documents, kind)), None)
    while path and node is not None:
        node, path = _step(node, path)
    return node


def _step(node: Any, path: str) -> tuple[Any, str]:
    """The field that path begins with, and the rest of the path; keys such as a.example/b have periods themselves."""
    if isinstance(node, list):
        index, _, rest = path.partition(".")
        return (node[int(index)] if int(index) < len(node) else None), rest
    for key in sorted(node, key=len, reverse=True):
        if path == key or path.startswith(f"{key}."):
            return node[key], path[len(key) + 1 :]
    return None, ""
