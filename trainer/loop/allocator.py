"""What a process of the trainer needs from its environment: memory that stays, and threads that don't spin.

By default glibc returns every large tensor to the kernel, and the next step pays for the page
faults: on two cores, more than half of the time of a softmax over 8,000 words.

OpenMP's threads spin while they wait for each other. Where other work takes a core, the thread that it took it from is
waited for by one that burns the rest: a step can take ten times as long.
"""

import os
import sys
from pathlib import Path

SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(1 << 28),
    "OMP_WAIT_POLICY": "PASSIVE",
}
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def set_up_process() -> None:
    """Restart this Python process with the settings above, which are only read when a process starts.

    Those that are set already stay as they are. Does nothing on another system than Linux.
    """
    if not sys.platform.startswith("linux") or all(name in os.environ for name in SETTINGS):
        return
    # The arguments are this process's own.
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**SETTINGS, **os.environ})  # noqa: S606 # nosec B606


def usable_cores(quota: Path = _QUOTA) -> int:
    """Cores that this process may use: by its affinity, and by a container's quota (cgroup v2)."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        limit, period = quota.read_text(encoding="ascii").split()
        return max(1, min(cores, int(limit) // int(period)))
    except (OSError, ValueError):  # no quota: "max"
        return cores
