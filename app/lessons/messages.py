"""What the service and the process that trains send each other: messages with their length before them."""

import struct
from typing import IO, TypeVar

import msgspec

LENGTH = struct.Struct("<I")
MessageT = TypeVar("MessageT", bound=msgspec.Struct)


class Turn(msgspec.Struct, frozen=True):
    """Steps to train. state is the one of the turn before, empty in the first; seconds are left to compute."""

    text: str
    seed: int
    steps: int
    seconds: float
    state: bytes = b""


class Trained(msgspec.Struct, frozen=True):
    """What a turn did: the loss of each step and a sample by cell, and the seconds that it computed.

    steps counts those of the turns before too; characters is the number of different ones that the models know.
    """

    steps: int
    characters: int
    losses: dict[str, list[float]]
    samples: dict[str, str]
    seconds: float
    state: bytes


def write(stream: IO[bytes], message: msgspec.Struct) -> None:
    content = msgspec.msgpack.encode(message)
    stream.write(LENGTH.pack(len(content)) + content)
    stream.flush()


def read(stream: IO[bytes], kind: type[MessageT]) -> MessageT:
    """The next message. Raises EOFError where the stream ends before it is whole."""
    (length,) = LENGTH.unpack(_exactly(stream, LENGTH.size))
    return msgspec.msgpack.decode(_exactly(stream, length), type=kind)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content
