"""JSON Schemas of the fields that the chart sets in objects which are no part of Kubernetes; no other field may be set.

Written from the references of their APIs: keda.sh/v1alpha1 (KEDA 2.17) and monitoring.coreos.com/v1 (Prometheus
operator 0.80).
"""

from typing import Any

STRING = {"type": "string", "minLength": 1}
STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT = {"type": "integer", "minimum": 0}


def strict(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def kind(api_version: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = strict({"name": STRING}, {"labels": STRINGS, "annotations": STRINGS})
    return strict({"apiVersion": {"const": api_version}, "kind": {"const": name}, "metadata": metadata, "spec": spec})


BEHAVIOR = strict(
    {"scaleDown": strict({"stabilizationWindowSeconds": {"type": "integer", "minimum": 0, "maximum": 3600}})}
)
PROMETHEUS = strict(
    {"serverAddress": STRING, "query": STRING, "threshold": {"type": "string", "pattern": r"^[0-9.]+$"}}
)
TRIGGER = strict(
    {"type": {"const": "prometheus"}, "metadata": PROMETHEUS},
    {"metricType": {"enum": ["AverageValue", "Value"]}},
)
SECRET_KEY = strict({"name": STRING, "key": STRING}, {"optional": {"type": "boolean"}})
ENDPOINT = strict(
    {"port": STRING, "path": {"type": "string", "pattern": "^/"}},
    {
        "interval": {"type": "string", "pattern": "^([0-9]+(ms|[smh]))+$"},
        "authorization": strict({"credentials": SECRET_KEY}, {"type": STRING}),
    },
)
SCHEMAS = {
    "ScaledObject": kind(
        "keda.sh/v1alpha1",
        "ScaledObject",
        strict(
            {
                "scaleTargetRef": strict({"name": STRING}),
                "triggers": {"type": "array", "items": TRIGGER, "minItems": 1},
            },
            {
                "minReplicaCount": COUNT,
                "maxReplicaCount": COUNT,
                "advanced": strict({"horizontalPodAutoscalerConfig": strict({"behavior": BEHAVIOR})}),
            },
        ),
    ),
    "ServiceMonitor": kind(
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        strict(
            {
                "selector": strict({"matchLabels": STRINGS}),
                "endpoints": {"type": "array", "items": ENDPOINT, "minItems": 1},
            }
        ),
    ),
}
