"""Settings of glibc's allocator that keep freed memory in the process.

By default glibc returns every large tensor to the kernel, and the next step pays for the page
faults: on two cores, more than half of the time of a softmax over 8,000 words.
"""

import os
import sys

SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(1 << 28),
}


def keep_memory() -> None:
    """Restart this Python process with the settings above, which glibc reads only when a process starts.

    Does nothing on another system than Linux, or where they are set already.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in SETTINGS):
        return
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **SETTINGS})  # noqa: S606
