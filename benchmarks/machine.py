"""The machine and the versions that a benchmark ran on."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from models.device import choose_device

PACKAGES = ("torch", "fastapi", "uvicorn", "litserve", "ctranslate2")


@dataclass(frozen=True)
class Machine:
    """versions are those of the packages that the servers are made of; device is where their models ran."""

    processor: str
    cores: int
    device: str
    versions: dict[str, str]

    def __str__(self) -> str:
        return f"{self.processor}, {self.cores} cores" + (f", {self.device}" if self.device != "cpu" else "")


def this_machine() -> Machine:
    device = choose_device(os.environ.get("CAROUSEL_DEVICE", "auto"))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    versions = {"python": platform.python_version()} | {
        package: installed for package in PACKAGES if (installed := _version(package))
    }
    return Machine(_processor(), len(os.sched_getaffinity(0)), name, versions)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
