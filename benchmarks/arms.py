"""The servers that are compared, and the command that starts each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.extras import BenchError
from benchmarks.process import Launch
from benchmarks.workloads import WORKLOADS, Workload


@dataclass(frozen=True)
class ServerConfig:
    """What a server is started with. scratch is a folder for its log and temporary files."""

    checkpoint: Path
    workload: Workload
    port: int
    scratch: Path

    @property
    def lengths(self) -> Path:
        """The file that tells server T the lengths of sentences."""
        return self.scratch / "lengths.json"


@dataclass(frozen=True)
class Arm:
    """One of the servers. One that has several forms is reported in its fastest."""

    name: str
    label: str
    workloads: tuple[str, ...]
    launch: Callable[[ServerConfig, str], Launch]
    forms: tuple[str, ...] = ("",)
    packages: tuple[str, ...] = ()


def _tutorial(config: ServerConfig, form: str) -> Launch:
    endpoints, _, threads = form.partition(", ")
    environment = {"OMP_NUM_THREADS": "1"} if threads else {}
    return Launch((*_rival("tutorial", config), "--form", endpoints), environment=environment)


def _litserve(config: ServerConfig, form: str) -> Launch:
    stream = ("--stream",) if config.workload.stream else ()
    return Launch((*_rival("litserve", config), "--form", form, *stream), ready="/health")


def _rival(module: str, config: ServerConfig) -> tuple[str, ...]:
    return ("-m", f"benchmarks.rivals.{module}", "--checkpoint", str(config.checkpoint), "--port", str(config.port))


def _carousel(config: ServerConfig, batching: str) -> Launch:
    environment = {
        "CAROUSEL_HOST": "127.0.0.1",
        "CAROUSEL_PORT": str(config.port),
        "CAROUSEL_CHECKPOINTS": str(config.checkpoint.parent),
        "CAROUSEL_MODELS": config.checkpoint.name,
    }
    if batching:
        environment["CAROUSEL_BATCHING"] = batching
    return Launch(("-m", "app", "serve"), environment=environment)


def _carousel_by_request(config: ServerConfig, _: str) -> Launch:
    return _carousel(config, "request")


def _transformer(config: ServerConfig, form: str) -> Launch:
    files = ("--lengths", str(config.lengths), "--model", str(config.scratch / "model"))
    return Launch(("-m", "benchmarks.rivals.transformer", *files, "--port", str(config.port), "--form", form))


ARMS = {
    arm.name: arm
    for arm in (
        Arm("A", "tutorial", tuple(WORKLOADS), _tutorial, ("sync", "async", "sync, one thread")),
        Arm("B", "LitServe", ("generate", "generate-stream"), _litserve, ("queue", "zmq"), ("litserve",)),
        Arm("C", "Carousel", tuple(WORKLOADS), _carousel),
        Arm("D", "Carousel by request", tuple(WORKLOADS), _carousel_by_request),
        Arm("T", "Transformer, CTranslate2", ("translate",), _transformer, ("1 x 2", "2 x 1"), ("ctranslate2",)),
    )
}


def get_arm(name: str) -> Arm:
    """Raise BenchError for an unknown name."""
    if name not in ARMS:
        raise BenchError(f"no server {name!r}; there are {', '.join(ARMS)}")
    return ARMS[name]
