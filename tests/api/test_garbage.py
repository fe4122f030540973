"""Python's garbage collector: models that are replaced do without it, and its pauses are measured."""

import gc
import os
import shutil
import signal
import weakref
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import torch

from app.catalog.loading import Choice, load_models
from app.catalog.registry import serve
from app.catalog.reload import reloading
from app.telemetry.garbage import THRESHOLDS, Pauses, leave_out_all
from app.telemetry.metrics import Metrics
from models import checkpoint
from models.checkpoint_files import mark_default
from tests.api.test_metrics import numbers
from tests.processes.conftest import until

pytestmark = pytest.mark.anyio
MODELS = ["language-en", "sentiment-en", "translation-en-tr", "titles-en"]


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("precision", ["int8", "float32"])
async def test_a_model_is_freed_with_its_last_reference(checkpoints: Path, name: str, precision: str) -> None:
    """What is left out of collections is freed by its reference count alone, so no model may refer to itself."""
    served = serve(checkpoint.load(checkpoints / name), precision)
    served.tokenizer.encode("the man sees the dog")
    parts = [served, served.checkpoint.model, served.tokenizer, served.runtime, served.vocabulary]
    alive = [weakref.ref(part) for part in parts if part is not None]
    leave_out_all()
    gc.disable()
    del served, parts
    assert [part() for part in alive] == [None] * len(alive)


async def test_so_is_one_that_a_reload_replaces(checkpoints: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoints, tmp_path, dirs_exist_ok=True)
    choice = Choice(tmp_path)
    registry = load_models(choice, torch.device("cpu"))
    replaced = weakref.ref(registry.get(MODELS[0]))
    leave_out_all()
    assert gc.get_threshold() == THRESHOLDS
    gc.disable()
    with reloading(registry, choice):
        mark_default(tmp_path / MODELS[0], True)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: replaced() is None)
    assert registry.get(MODELS[0]).default


async def test_pauses_are_counted_by_generation(client: httpx.AsyncClient) -> None:
    for generation in range(3):
        before = await numbers(client)
        gc.collect(generation)
        after = await numbers(client)
        for part in ("count", "sum"):
            name = f"carousel_gc_pause_seconds_{part}|{generation}"
            assert after[name] > before[name]


async def test_a_process_that_has_stopped_is_not_measured() -> None:
    metrics = Metrics()
    callbacks = list(gc.callbacks)
    with metrics.pauses.watching():
        gc.collect()
    name = "carousel_gc_pause_seconds"
    before = [family for family in metrics.families() if family[0] == name]
    gc.collect()
    assert [family for family in metrics.families() if family[0] == name] == before
    assert gc.callbacks == callbacks


async def test_pauses_are_a_histogram() -> None:
    pauses = Pauses()
    with pauses.watching():
        gc.collect()
    (family,) = pauses.collect()
    full = [sample for sample in family.samples if sample.labels["generation"] == "2"]
    counts = [sample.value for sample in full if sample.name.endswith("_bucket")]
    assert counts == sorted(counts)
    assert counts[-1] == next(sample.value for sample in full if sample.name.endswith("_count")) >= 1
