"""Through Ray Data: the same files as in one process."""

from pathlib import Path

import pytest

from tests.bulk.conftest import Bulk, write_lines
from tests.conftest import SENTENCES

pytestmark = pytest.mark.slow
pytest.importorskip("ray.data", reason="Ray is an extra that is not installed: pip install 'carousel-lstm[ray]'")


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_ray_writes_the_same_bytes(bulk: Bulk, tmp_path: Path) -> None:
    rows = [{"text": text, "n": number} for number, text in enumerate([*SENTENCES * 3, ""])]
    path = write_lines(tmp_path / "in.jsonl", rows)
    options = {"seed": 7, "max_new_tokens": 6}
    bulk("generate", path, tmp_path / "one.jsonl", options=options, part_rows=6)
    summary = bulk("generate", path, tmp_path / "ray.jsonl", options=options, part_rows=6, ray="local", actors=2)
    assert (summary.answered, summary.bad) == (24, 1)
    for suffix in ("", ".errors.jsonl"):
        assert (tmp_path / f"ray.jsonl{suffix}").read_bytes() == (tmp_path / f"one.jsonl{suffix}").read_bytes()
