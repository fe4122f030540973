"""The servers that are compared, and how each is started."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.extras import BenchError
from benchmarks.servers import Launch
from benchmarks.workloads import WORKLOADS, Workload


@dataclass(frozen=True)
class Site:
    """What a server is started for: a checkpoint, a workload, a port. lengths is a file that T reads."""

    checkpoint: Path
    workload: Workload
    port: int
    scratch: Path

    @property
    def lengths(self) -> Path:
        return self.scratch / "lengths.json"


@dataclass(frozen=True)
class Arm:
    """One of the servers. Where it can be run in several forms, the faster one is reported."""

    name: str
    label: str
    workloads: tuple[str, ...]
    launch: Callable[[Site, str], Launch]
    forms: tuple[str, ...] = ("",)
    packages: tuple[str, ...] = ()


def _tutorial(site: Site, form: str) -> Launch:
    endpoints, _, threads = form.partition(", ")
    command = ("-m", "benchmarks.tutorial", "--checkpoint", str(site.checkpoint), "--port", str(site.port))
    environment = {"OMP_NUM_THREADS": "1"} if threads else {}
    return Launch((*command, "--form", endpoints), environment=environment)


def _peer(site: Site, form: str) -> Launch:
    command = ("-m", "benchmarks.peer", "--checkpoint", str(site.checkpoint), "--port", str(site.port), "--form", form)
    return Launch((*command, "--stream") if site.workload.stream else command, ready="/health")


def _carousel(site: Site, form: str) -> Launch:
    environment = {
        "CAROUSEL_HOST": "127.0.0.1",
        "CAROUSEL_PORT": str(site.port),
        "CAROUSEL_CHECKPOINTS": str(site.checkpoint.parent),
        "CAROUSEL_MODELS": site.checkpoint.name,
    }
    if form:
        environment["CAROUSEL_BATCHING"] = form
    return Launch(("-m", "app", "serve"), environment=environment)


def _by_request(site: Site, _: str) -> Launch:
    return _carousel(site, "request")


def _transformer(site: Site, form: str) -> Launch:
    command = ("-m", "benchmarks.transformer", "--lengths", str(site.lengths), "--model", str(site.scratch / "model"))
    return Launch((*command, "--port", str(site.port), "--form", form))


ARMS = {
    arm.name: arm
    for arm in (
        Arm("A", "tutorial", tuple(WORKLOADS), _tutorial, ("sync", "async", "sync, one thread")),
        Arm("B", "LitServe", ("generate", "generate-stream"), _peer, ("queue", "zmq"), ("litserve",)),
        Arm("C", "Carousel", tuple(WORKLOADS), _carousel),
        Arm("D", "Carousel by request", tuple(WORKLOADS), _by_request),
        Arm("T", "Transformer, CTranslate2", ("translate",), _transformer, ("1 x 2", "2 x 1"), ("ctranslate2",)),
    )
}


def arm(name: str) -> Arm:
    """Raise BenchError for a name that there is not."""
    if name not in ARMS:
        raise BenchError(f"no server {name!r}; there are {', '.join(ARMS)}")
    return ARMS[name]
