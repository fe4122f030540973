"""What environment variables mean."""

import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from app.catalog.registry import Registry
from app.factories import make_engine
from app.main import create_app
from app.settings import Settings, SettingsError, load_settings, unknown_variables
from models.checkpoint_files import read_verified
from tests.conftest import Serve

ROOT = Path(__file__).parents[2]
NOTHING = [name for name, field in Settings.model_fields.items() if field.default in ((), None)]


class TestWordsOfTheReadme:
    @pytest.mark.parametrize("name", NOTHING)
    def test_a_default_that_is_shown_is_a_value(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for word in ("all" if name == "models" else "none", "None", "", " "):
            if name == "models" and word == "None":
                continue
            monkeypatch.setenv(f"CAROUSEL_{name.upper()}", word)
            assert getattr(load_settings(), name) == Settings.model_fields[name].default

    def test_every_default_of_the_table_is_a_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Alone and all together, with spaces around it, in capitals where it is a word, and blank."""
        rows = re.findall(r"^\| `CAROUSEL_(\w+)` \| `([^`]+)` \|", (ROOT / "README.md").read_text("utf-8"), re.M)
        assert {name.lower() for name, _ in rows} == set(Settings.model_fields)
        usual = load_settings()
        for name, default in rows:
            blank = () if name == "TRUSTED_PROXIES" else ("", " ")  # there it is a value: none is trusted
            capitals = (default.upper(),) if default in ("auto", "refuse", "step", "False", "none") else ()
            for value in (default, f" {default} ", *capitals, *blank):
                with monkeypatch.context() as patch:
                    patch.setenv(f"CAROUSEL_{name}", value)
                    assert load_settings() == usual, (name, value)
        for name, default in rows:
            monkeypatch.setenv(f"CAROUSEL_{name}", default)
        assert load_settings() == usual

    def test_a_blank_list_of_proxies_trusts_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CAROUSEL_TRUSTED_PROXIES", "")
        assert load_settings().trusted_proxies == ""

    def test_no_key_is_needed_with_none(self) -> None:
        assert Settings(api_keys="none") == Settings()
        create_app(Settings(api_keys="none", rate_limit="none", models="all", state_key="none"))

    def test_a_name_that_begins_so_is_a_name(self) -> None:
        assert Settings(models="all,none").models == ("all", "none")

    def test_defaults_are_pairs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CAROUSEL_DEFAULTS", "classify:tr=a , generate=b")
        assert load_settings().defaults == (("classify:tr", "a"), ("generate", "b"))
        monkeypatch.setenv("CAROUSEL_DEFAULTS", "classify:tr")
        with pytest.raises(SettingsError, match=r"^CAROUSEL_DEFAULTS: it must be a use and a model, such as"):
            load_settings()


def test_an_unknown_variable_is_named_with_the_nearest() -> None:
    known = {f"CAROUSEL_{name.upper()}": "" for name in Settings.model_fields}
    assert unknown_variables(known | {"PATH": "", "CAROUSEL_DATA": ""}) == {}
    assert unknown_variables({"CAROUSEL_MODLES": "", "CAROUSEL_RATELIMIT": "", "CAROUSEL_XYZ": ""}) == {
        "CAROUSEL_MODLES": "CAROUSEL_MODELS", "CAROUSEL_RATELIMIT": "CAROUSEL_RATE_LIMIT", "CAROUSEL_XYZ": ""
    }  # fmt: skip
    assert unknown_variables({"carousel_port": "", "Carousel_Prot": ""}) == {"Carousel_Prot": "CAROUSEL_PORT"}


def test_what_is_refused_and_what_is_the_default_is_told(serve: Serve, registry: Registry) -> None:
    refused = {"mails": "mails/config.json: missing"}
    live = serve(Registry(registry.models.values(), registry.device, {"classify": "sentiment-en"}, refused))
    ready, models = (httpx.get(f"{live.url}/{path}").json() for path in ("readyz", "models"))
    assert (ready["status"], ready["refused"], models["refused"]) == ("ok", refused, refused)
    use = {"use": "classify:en", "model": "sentiment-en", "chosen_by": "setting", "others": []}
    assert use in models["defaults"]
    listed = {model["name"]: model["default_for"] for model in models["models"]}
    assert listed["sentiment-en"] == ["classify:en"]
    assert listed["translation-en-tr"] == ["translate:en-tr", "translate:tr-en"]
    healthy = serve()
    assert "refused" not in httpx.get(f"{healthy.url}/readyz").json()


@pytest.mark.slow
def test_a_clone_with_windows_line_ends_has_the_same_files(tmp_path: Path) -> None:
    git = shutil.which("git")
    if not git or not (ROOT / ".git").exists():
        pytest.skip("no git, or no repository")
    clone = tmp_path / "clone"
    options = ["-c", "core.autocrlf=true", "-c", "advice.detachedHead=false"]
    subprocess.run([git, *options, "clone", "--quiet", str(ROOT), str(clone)], check=True)
    for manifest in sorted(clone.glob("checkpoints/*/manifest.json")):
        read_verified(manifest.parent)
    listed = subprocess.run([git, "-C", clone, "ls-files", "--eol"], capture_output=True, text=True, check=True)
    assert [line for line in listed.stdout.splitlines() if "w/crlf" in line or "w/mixed" in line] == []


@pytest.mark.parametrize(("precision", "threads"), [("auto", 1), ("int8", 1), ("float32", 3), ("bfloat16", 3)])
def test_threads_of_pytorch_are_one_in_int8(all_kinds: Registry, precision: str, threads: int) -> None:
    """Also beside models that have no int8 runtime."""
    engine = make_engine(all_kinds, Settings(precision=precision, threads=3))
    assert engine.config.torch_threads == threads
