"""What is known of the models that are served."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.catalog.registry import Registry, Served
from app.http.schemas.models import CurvePoint, DefaultModel, ModelDetail, ModelsReply, ModelSummary
from models import json_text
from models.json_text import LARGEST
from models.kinds import kind_of

INFINITE = "the model gives some of the text a probability of almost 0"


def list_models(registry: Registry) -> ModelsReply:
    return ModelsReply(
        models=[_summary(registry, served) for served in registry.models.values()],
        defaults=[DefaultModel.model_validate(asdict(default)) for default in registry.defaults.values()],
        refused=registry.refused,
    )


def show_model(registry: Registry, name: str) -> ModelDetail:
    """Raises ModelNotFound."""
    served = registry.get(name)
    summary = _summary(registry, served).model_dump(exclude_unset=True)
    loaded = served.checkpoint
    curve = [CurvePoint.model_validate(json_text.finite(entry, LARGEST)) for entry in loaded.log]
    return ModelDetail(**summary, card=loaded.card, training=dict(loaded.training), curve=curve)


def finite(metrics: Any) -> Any:
    """Metrics in which a perplexity that no number of JSON holds well is null, with the reason beside it."""
    if isinstance(metrics, list | tuple):
        return [finite(value) for value in metrics]
    if not isinstance(metrics, Mapping):
        return metrics
    values: dict[str, Any] = {}
    for name, value in metrics.items():
        numbers = value if isinstance(value, list | tuple) else [value]
        if name.startswith("perplexity") and any(isinstance(one, float) and one > LARGEST for one in numbers):
            values |= {name: None, f"{name}_reason": INFINITE}
        else:
            values[name] = finite(value)
    return values


def _summary(registry: Registry, served: Served) -> ModelSummary:
    loaded = served.checkpoint
    of_its_kind = {name: getattr(loaded.model.config, name) for name in kind_of(loaded.model).shown}
    return ModelSummary(
        name=loaded.name,
        kind=loaded.kind,
        languages=list(loaded.languages),
        parameters=sum(tensor.numel() for tensor in loaded.model.state_dict().values()),
        size_bytes=loaded.size_bytes,
        vocabulary=loaded.tokenizer.size,
        metrics=finite(loaded.metrics),
        version=loaded.version,
        checksum=loaded.checksum,
        device=str(registry.device),
        precision=served.runtime.precision,
        default_for=registry.default_uses(served),
        **of_its_kind,
    )
