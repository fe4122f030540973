"""Ending to listen without resetting a connection."""

import ctypes
import os
import select
import socket
import struct
from contextlib import suppress

_SO_ATTACH_FILTER = 26
"""Of Linux's socket.h; Python's module lacks it."""
_WITHOUT_SYN = (
    (0x30, 0, 0, 13),  # load the byte of TCP's flags
    (0x45, 0, 1, 0x02),  # if SYN is not set, skip one
    (0x06, 0, 0, 0),  # drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # take all of it
)
"""A classic BPF program: (operation, jump if true, jump if false, operand)."""


def refuse_handshakes(listener: int) -> None:
    """Let no new connection begin on a listening socket; those that have begun can still be accepted.

    Closing a listening socket resets all that wait to be accepted, and between the last accept and the close there is
    always time for another. After this call none can come: where a SYN is dropped, the client sends it again after a
    second. Where the system has no such filter (it is Linux's), nothing changes.
    """
    instructions = b"".join(struct.pack("HBBI", *instruction) for instruction in _WITHOUT_SYN)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = struct.pack("HP", len(_WITHOUT_SYN), ctypes.addressof(buffer))
    with suppress(OSError), socket.socket(fileno=os.dup(listener)) as duplicate:
        duplicate.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def has_waiting(listener: int) -> bool:
    """Whether connections wait to be accepted."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return bool(poll.poll(0))
