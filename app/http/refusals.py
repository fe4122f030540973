"""What a connection refuses: the errors, and the rules of a request's header that the parser does not check."""

import re
from collections.abc import Callable, Sequence

Refusal = tuple[int, str, str]
"""Status, title and detail of an error."""

SLOW_HEADER = (408, "Request timeout", "the header of the request did not come in time")
SLOW_BODY = (408, "Request timeout", "the body of the request did not come in time")
TOO_LARGE = (431, "Request header fields too large", "the header of the request is too large")
TOO_MANY = (503, "Service unavailable", "too many connections are open")
BAD = (400, "Bad request", "this is not HTTP/1.1")
BAD_HOST = (400, "Bad request", "the request needs one Host header with the name of a host")
BAD_FRAMING = (400, "Bad request", "the chunks of the body have extensions that are too large")
BAD_CODING = (400, "Bad request", "HTTP/1.0 has no transfer codings")
UNKNOWN_CODING = (501, "Not implemented", "of the transfer codings only chunked is known")
MISDIRECTED = (
    421,
    "Misdirected request",
    "the service does not answer to the name in the Host header; CAROUSEL_ALLOWED_HOSTS lists its names",
)
REASONS = {
    400: "malformed",
    408: "slow",
    421: "misdirected",
    431: "header_too_large",
    501: "unknown_coding",
    503: "too_many_connections",
}
"""The reason of each status, for metrics."""


_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)([^#]*)")


def split_target(target: bytes) -> tuple[bytes | None, bytes]:
    """A request's target as its host, which only an absolute address has, and the rest, which begins with a slash.

    An address of another scheme is its own host, as which it is malformed.
    """
    if target.startswith(b"/") or target == b"*":
        return None, target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target, target
    rest = absolute[2]
    return absolute[1], rest if rest.startswith(b"/") else b"/" + rest


def objection(
    named: bytes | None, fields: Sequence[tuple[bytes, bytes]], version: str, check_host: Callable[[bytes], bool | None]
) -> Refusal | None:
    """Why a complete header is refused.

    named is the host in the target, which counts rather than the Host field (RFC 9112, 3.2.2); names of fields are in
    lower case; check_host is `hosts.host_checker`'s.
    """
    hosts = [value for name, value in fields if name == b"host"]
    codings = [value.strip().lower() for name, value in fields if name == b"transfer-encoding"]
    if version not in ("1.0", "1.1"):
        return BAD
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        return BAD_HOST
    host = named if named is not None else next(iter(hosts), None)
    if host is not None and not (allowed := check_host(host)):
        return BAD_HOST if allowed is None else MISDIRECTED
    if codings and version == "1.0":
        return BAD_CODING
    if codings and codings != [b"chunked"]:
        return UNKNOWN_CODING
    return None
