"""Ask glibc to keep the memory that it was given.

By default it hands every large tensor back to the kernel, and the next step pays for the page
faults: on two cores that was more than half of the time of a softmax over 8,000 words.
"""

import os
import sys

SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(1 << 28),
}


def keep_memory() -> None:
    """Start this Python again with the settings above, which glibc reads only at a process's start.

    Does nothing on another system than Linux, or where they are set already.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in SETTINGS):
        return
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **SETTINGS})  # noqa: S606
