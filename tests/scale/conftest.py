"""An environment as that of a node on which replicas run."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app.settings import PREFIX, Settings


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, checkpoints: Path) -> pytest.MonkeyPatch:
    """Sets the least that a node needs, and takes further variables; all are as before when the test ends."""
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.setenv("CAROUSEL_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv("CAROUSEL_STATE_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("CAROUSEL_PUBLIC_WITHOUT_KEYS", "true")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    return monkeypatch
