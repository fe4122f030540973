"""The service conforms to its OpenAPI document: schemathesis, with all checks and a fixed seed, on a live server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Serve


@pytest.mark.parametrize("keys", ["", "right"])
@pytest.mark.slow
def test_schemathesis_finds_nothing(serve: Serve, tmp_path: Path, keys: str) -> None:
    patient = dict.fromkeys(("header_timeout_s", "body_timeout_s", "write_timeout_s", "keep_alive_timeout_s"), 300)
    live = serve(api_keys=keys, request_timeout_s=300, lessons=True, **patient)  # a slow machine must not fail the test
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{live.url}/openapi.json", "--checks", "all",
        "--seed", "1", "--max-examples", "25", "--no-color", "--generation-database", "none",
        "--request-timeout", "300", "--suppress-health-check", "too_slow",
        *(["--header", f"Authorization: Bearer {keys}"] if keys else []),
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(Path(__file__).parent)}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-200000:] + result.stderr[-2000:]
