"""The simulation: laws of queues that hold whatever the service times are."""

import json
from dataclasses import asdict

import pytest
import simpy
from typer.testing import CliRunner

from benchmarks.simulation import runs
from benchmarks.simulation.__main__ import app, load_times
from benchmarks.simulation.cluster import Cluster, Conditions, at_random, least_requests
from benchmarks.simulation.service_times import ServiceTimes

TIMES = ServiceTimes(((1, 0.002), (8, 0.004), (64, 0.016)), 0.004, 0.0003)
"""Of a round number each, near those of a small model."""


def test_a_step_is_on_a_line_between_measured_ones() -> None:
    assert [TIMES.step(rows) for rows in (1, 8, 64)] == [0.002, 0.004, 0.016]
    assert TIMES.step(36) == pytest.approx(0.01)
    assert TIMES.step(120) == pytest.approx(0.028)


def test_one_request_alone() -> None:
    env = simpy.Environment()
    cluster = Cluster(env, TIMES, 1, Conditions())
    env.run(cluster.request(prompt_tokens=10, tokens=5))
    assert cluster.tally.latencies == pytest.approx([0.0005 + 0.004 + 10 * 0.0003 + 5 * 0.002])


def test_rows_share_steps() -> None:
    env = simpy.Environment()
    cluster = Cluster(env, TIMES, 1, Conditions())
    env.run(env.all_of([cluster.request(prompt_tokens=0, tokens=5) for _ in range(8)]))
    assert cluster.tally.latencies == pytest.approx([0.0005 + 8 * 0.004 + 5 * 0.004] * 8)


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(),
        Conditions(policy=at_random),
        Conditions(policy=least_requests),
        Conditions(mean_life_s=5.0, restart_s=2.0),
        Conditions(mean_life_s=5.0, restart_s=2.0, keeps_states=False),
        Conditions(update_at=2.0, drain_s=0.5, restart_s=1.0, update_share=0.5),
        Conditions(update_at=2.0, drain_s=0.0, restart_s=1.0, update_share=1.0),
    ],
)
def test_every_request_is_answered_once(conditions: Conditions) -> None:
    requests = runs.trace(rate=100.0, seconds=20.0, seed=3)
    result = runs.open_loop(TIMES, 4, requests, conditions)
    assert result.requests == len(requests)
    assert result.tally.tokens == sum(tokens for _, tokens in requests)
    assert (result.tally.killed > 0) == bool(conditions.mean_life_s)
    if conditions.update_at and not conditions.drain_s:
        assert result.tally.drained > 0


def test_replicas_add_up_and_never_to_more() -> None:
    one = runs.closed_loop(TIMES, 1, 16, 60.0).tokens_s
    for count in (2, 8):
        assert 0.9 < runs.closed_loop(TIMES, count, 16, 20.0).tokens_s / count / one < 1.03


def test_more_load_waits_longer() -> None:
    p99 = [runs.open_loop(TIMES, 2, runs.trace(rate, 60.0, seed=1)).p99_s for rate in (20.0, 80.0, 130.0)]
    assert p99 == sorted(p99)


def test_a_token_is_as_good_as_memory_and_better_than_nothing() -> None:
    results = {memory: runs.sessions(TIMES, 4, 10, 60.0, memory) for memory in ("client", "replica", "none")}
    read = {memory: result.tally.prompt_tokens for memory, result in results.items()}
    assert read["none"] > 5 * read["client"]
    assert read["replica"] == pytest.approx(read["client"], rel=0.05)
    assert results["none"].p99_s > results["client"].p99_s


def test_the_command_scales(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.simulation.__main__.SIZES", (1, 2, 3, 4))
    times = tmp_path / "times.json"
    times.write_text(json.dumps(asdict(TIMES)))
    assert load_times(times) == TIMES
    arguments = ["scale", "--times", str(times), "--seconds", "2", "--pictures", str(tmp_path / "pictures")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "of n × one" in result.output
    assert (tmp_path / "pictures" / "replicas.png").read_bytes().startswith(b"\x89PNG")
