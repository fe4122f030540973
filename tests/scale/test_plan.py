"""What the application builder takes, refuses and derives."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from app.http.hosts import host_checker
from app.scale.arguments import ELSEWHERE, ENVIRONMENT_ONLY, Arguments
from app.scale.plan import RESERVED_REQUESTS, deployment_options, make_plan
from app.scale.state_keys import check_common, identifiers
from app.settings import Settings, SettingsError

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"min_replicas": 0}, "min_replicas"),
            ({"min_replicas": 3, "max_replicas": 2}, "max_replicas is 2, and must be at least min_replicas"),
            ({"min_replicas": "many"}, "min_replicas"),
            ({"replicas": 3}, "replicas"),
            ({"cpus": 0}, "cpus"),
            ({"gpus": -1}, "gpus"),
            ({"target_ongoing_requests": 0}, "target_ongoing_requests"),
            ({"settings": {"CAROUSEL_MODELS": "x"}}, "CAROUSEL_MODELS is no setting"),
            ({"settings": ["models"]}, "settings"),
        ],
    )
    def test_what_is_wrong_is_named(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            Arguments.model_validate(arguments)

    @pytest.mark.parametrize("name", sorted(ENVIRONMENT_ONLY))
    def test_a_secret_is_refused_and_not_shown(self, name: str) -> None:
        with pytest.raises(ValidationError, match=f"set CAROUSEL_{name.upper()} in the environment") as refused:
            Arguments.model_validate({"settings": {name: OLD}})
        assert OLD not in str(refused.value)

    def test_every_secret_setting_is_one_of_the_environment(self) -> None:
        secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
        assert secret == ENVIRONMENT_ONLY

    @pytest.mark.parametrize("name", sorted(ELSEWHERE))
    def test_a_setting_without_effect_is_refused(self, name: str) -> None:
        with pytest.raises(ValidationError, match=f"{name} is without effect under Ray; instead there is"):
            Arguments.model_validate({"settings": {name: Settings.model_fields[name].default}})


class TestPlan:
    def test_settings_go_before_the_environment(self, node: pytest.MonkeyPatch) -> None:
        node.setenv("CAROUSEL_MAX_TEXTS", "7")
        node.setenv("CAROUSEL_MAX_CHOICES", "3")
        settings = make_plan(Arguments(settings={"max_texts": 5})).load()
        assert (settings.max_texts, settings.max_choices) == (5, 3)

    @pytest.mark.parametrize(
        ("arguments", "threads"),
        [
            (Arguments(), 1),
            (Arguments(cpus=2.5), 3),
            (Arguments(cpus=0.5), 1),
            (Arguments(cpus=4, settings={"threads": 2}), 2),
        ],
    )
    def test_threads_are_the_cpus(self, node: pytest.MonkeyPatch, arguments: Arguments, threads: int) -> None:
        assert make_plan(arguments).load().threads == threads

    def test_an_invalid_setting_names_its_variable(self, node: pytest.MonkeyPatch) -> None:
        with pytest.raises(SettingsError, match="CAROUSEL_MAX_TEXTS"):
            make_plan(Arguments(settings={"max_texts": 0}))

    def test_without_api_keys_it_must_be_allowed(self, node: pytest.MonkeyPatch) -> None:
        node.delenv("CAROUSEL_PUBLIC_WITHOUT_KEYS")
        with pytest.raises(SettingsError, match="CAROUSEL_PUBLIC_WITHOUT_KEYS=true"):
            make_plan(Arguments())
        node.setenv("CAROUSEL_API_KEYS", "secret-key")
        make_plan(Arguments())

    def test_no_proxy_is_trusted_unless_it_is_named(self, node: pytest.MonkeyPatch) -> None:
        assert make_plan(Arguments()).load().trusted_proxies == ""
        node.setenv("CAROUSEL_TRUSTED_PROXIES", "10.0.0.0/8")
        assert make_plan(Arguments()).load().trusted_proxies == "10.0.0.0/8"

    def test_names_are_those_of_a_public_service(self, node: pytest.MonkeyPatch) -> None:
        assert host_checker(make_plan(Arguments()).load())(b"lstm.example.org")
        node.setenv("CAROUSEL_ALLOWED_HOSTS", "lstm.example.org")
        check = host_checker(make_plan(Arguments()).load())
        assert (check(b"lstm.example.org"), check(b"other.example.org")) == (True, False)


class TestOptions:
    @pytest.mark.parametrize(("rows", "queue"), [(256, 1024), (8, 1), (1, 5000)])
    def test_the_engine_refuses_and_not_ray(self, rows: int, queue: int) -> None:
        options = deployment_options(Arguments(), Settings(max_batch_rows=rows, max_queued_jobs=queue))
        assert options["max_ongoing_requests"] == rows + queue + RESERVED_REQUESTS

    def test_what_runs_may_end_before_a_replica_stops(self) -> None:
        options = deployment_options(Arguments(), Settings(request_timeout_s=300))
        assert options["graceful_shutdown_timeout_s"] > 300

    def test_replicas_follow_from_the_ongoing_requests(self) -> None:
        arguments = Arguments(min_replicas=2, max_replicas=9, cpus=2, gpus=1)
        options = deployment_options(arguments, Settings(max_batch_rows=64))
        assert options["autoscaling_config"] == {
            "min_replicas": 2,
            "max_replicas": 9,
            "target_ongoing_requests": 16,
        }
        assert options["ray_actor_options"] == {"num_cpus": 2, "num_gpus": 1}
        exact = deployment_options(Arguments(target_ongoing_requests=5), Settings())
        assert exact["autoscaling_config"]["target_ongoing_requests"] == 5


class TestStateKeys:
    def test_one_is_needed(self, node: pytest.MonkeyPatch) -> None:
        node.delenv("CAROUSEL_STATE_KEY")
        with pytest.raises(SettingsError, match="CAROUSEL_STATE_KEY: replicas need one in common"):
            make_plan(Arguments())

    def test_identifiers_do_not_contain_keys(self, node: pytest.MonkeyPatch) -> None:
        node.setenv("CAROUSEL_STATE_KEY", f"{OLD},{NEW}")
        plan = make_plan(Arguments())
        assert len(set(plan.state_keys)) == 2
        assert not any(key in repr(plan) for key in (OLD, NEW))

    @pytest.mark.parametrize("keys", [OLD, f"{OLD},{NEW}", f"{NEW},{OLD}"], ids=["old", "old, new", "new, old"])
    def test_replicas_agree_at_every_step_of_a_rotation(self, keys: str) -> None:
        check_common(identifiers(Settings(state_key=keys)), identifiers(Settings(state_key=OLD)))

    def test_replicas_without_a_common_key_are_refused(self) -> None:
        ours, builders = (identifiers(Settings(state_key=key)) for key in (OTHER, f"{OLD},{NEW}"))
        with pytest.raises(SettingsError, match="has none of the keys") as refused:
            check_common(ours, builders)
        assert all(identifier in str(refused.value) for identifier in (*ours, *builders))
