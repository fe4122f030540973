"""Whatever file is sent: an answer, or an error that is the client's, within bounds of memory."""

import resource

import httpx
import pytest

from tests.pictures.hostile import hostile_files

pytestmark = pytest.mark.anyio
FILES = list(hostile_files())
MAX_GROWTH_BYTES = 300_000_000
"""Of the whole process, over all files; one of them would take 3.6 GB, some others 100 MB each."""


def test_there_are_many() -> None:
    assert len(FILES) >= 150
    assert len({name for name, _ in FILES}) == len(FILES)


async def test_no_file_is_an_error_of_the_service(pictures: httpx.AsyncClient) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = 0
    for name, content in FILES:
        reply = await pictures.post("/describe", content=content, headers={"content-type": "image/png"})
        assert reply.status_code in (200, 413, 422), (name, reply.text)
        read += reply.status_code == 200
        if reply.status_code == 422:
            assert reply.json()["errors"][0]["pointer"] == "/image", name
    assert 20 <= read <= len(FILES) / 2
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < MAX_GROWTH_BYTES


async def test_a_form_that_is_none_is_an_error_of_the_client(pictures: httpx.AsyncClient) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x", "application/json", "image/", "image/png"):
        for content in (b"", b"--x", b"--x\r\n\r\n\r\n--x--", b"\xff\xfe" * 50, b'{"image": "' + b"A" * 99):
            reply = await pictures.post("/describe", content=content, headers={"content-type": kind})
            assert reply.status_code in (400, 415, 422), (kind, content, reply.text)
