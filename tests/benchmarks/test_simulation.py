"""The simulation: laws of queues that hold whatever the service times are."""

import json
from dataclasses import asdict, replace
from random import Random

import pytest
import simpy
from typer.testing import CliRunner

from benchmarks.simulation import reality, runs
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


def test_a_slowdown_stretches_what_a_replica_does() -> None:
    slowdown = ((0.25, 2.0), (0.75, 1.0))
    times = replace(TIMES, slowdown=slowdown)
    assert [times.factor(now) for now in (0.0, 0.24, 0.26, 0.99, 1.1, 7.5)] == [2.0, 2.0, 1.0, 1.0, 2.0, 1.0]
    requests = runs.trace(rate=60.0, seconds=20.0, seed=3)
    constant = replace(TIMES, slowdown=((1.0, 1.25),))  # the mean of the other
    p99 = [runs.open_loop(each, 1, requests).p99_s for each in (TIMES, constant, times)]
    assert p99[0] < p99[1]
    assert p99[0] < p99[2]


def test_a_client_without_a_core_takes_time_of_busy_replicas() -> None:
    env = simpy.Environment()
    cluster = Cluster(env, replace(TIMES, client_s=0.01), 1, Conditions(shares_cores=True))
    env.run(env.all_of([cluster.request(prompt_tokens=0, tokens=5) for _ in range(2)]))
    first, second = 0.0005 + 0.004 + 0.002, 0.0005 + 2 * 0.004 + 0.01 + 5 * 0.004
    assert max(cluster.tally.latencies) > first
    assert max(cluster.tally.latencies) < second + 0.01
    assert max(cluster.tally.latencies) > 0.0005 + 0.01 + 2 * 0.004 + 5 * 0.002


def test_calibration_finds_what_a_run_adds() -> None:
    """Streams and requests of a replica that is the model, its steps 1.2 and its admissions 0.7 times as long."""
    draw, now, ends, changes, outstanding = Random(0), 0.0, [0.0], [(-1.0, 3, 1)], 3
    for _ in range(5000):
        arrives = draw.random() < 0.2
        if arrives:
            outstanding += 1
            changes.append((now, outstanding, 1))
        now += 1.2 * TIMES.step(1 + outstanding) + arrives * 0.7 * TIMES.admission(runs.PROMPT_TOKENS)
        ends.append(now)
        if outstanding > 3 and draw.random() < 0.2:
            outstanding -= 1
            changes.append((now, outstanding, -1))
    calibrated = reality.fit(TIMES, reality.periods(TIMES, [ends], changes), client_s=0.0)
    assert [seconds for _, seconds in calibrated.step_s] == pytest.approx([1.2 * s for _, s in TIMES.step_s], rel=0.01)
    assert calibrated.request_s == pytest.approx(0.7 * TIMES.request_s, rel=0.03)
    assert [factor for _, factor in calibrated.slowdown] == pytest.approx([1.0] * len(calibrated.slowdown), rel=0.02)


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
