"""The command: check the model against real replicas, and run it to sizes that no machine here has."""

import asyncio
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.simulation import plots, reality, runs
from benchmarks.simulation.cluster import Conditions, at_random, better_of_two, least_requests
from benchmarks.simulation.service_times import ServiceTimes

ROOT = Path(__file__).parents[2]
TIMES = Path(__file__).with_name("times.json")
SIZES = (1, 2, 8, 64, 1000)
CLIENTS = 32
LOADS = (0.5, 0.8)
MEAN_LIFE_S = 600.0
"""Far shorter than any real one, so that many die in a minute."""
MANY = 64
"""Above so many replicas runs are shorter, and there is no rolling update: a second of 1,000 has 60,000 requests."""
app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.command()
def check(
    checkpoints: Annotated[Path, typer.Option(help="The shipped checkpoints.")] = ROOT / "checkpoints",
    seconds: Annotated[float, typer.Option(help="Of each real run.")] = 40.0,
    out: Annotated[Path, typer.Option(help="Where the measured times go.")] = TIMES,
) -> None:
    """Measure one replica, in closed loops and in a run at half load, then send 1 and 2 real ones and the model the
    same requests."""
    times = asyncio.run(_measure(checkpoints, seconds / 40, seconds))
    out.write_text(json.dumps(asdict(times), indent=1) + "\n", encoding="utf-8")
    factors = sorted(factor for _, factor in times.slowdown)
    quantiles = ", ".join(f"{runs.percentile(factors, share):.2f}" for share in (0.1, 0.5, 0.9, 0.99))
    typer.echo(f"capacity of one: {_capacity(times):.0f} tokens/s; {replace(times, slowdown=())}")
    typer.echo(f"slowdown in a run at {LOADS[0]} load, 10th, 50th, 90th and 99th percentile: {quantiles}")
    typer.echo("| replicas | load | tokens/s, real | model | ratio | p50, p99 real, ms | model | ratio of p99 |")
    typer.echo("|---|---|---|---|---|---|---|---|")
    for count in (1, 2):
        for load in LOADS:
            rate = load * count * _capacity(times) / runs.MEAN_TOKENS
            requests = runs.trace(rate, seconds, seed=count)
            real = asyncio.run(_real(checkpoints, count, requests))
            shares_cores = count == len(os.sched_getaffinity(0))
            model = runs.open_loop(times, count, requests, Conditions(least_requests, shares_cores=shares_cores))
            typer.echo(
                f"| {count} | {load} | {real.tokens_s:.0f} | {model.tokens_s:.0f} "
                f"| {model.tokens_s / real.tokens_s:.2f} "
                f"| {_ms(real)} | {_ms(model)} | {model.p99_s / real.p99_s:.2f} |"
            )


@app.command()
def scale(
    times: Annotated[Path, typer.Option(help="What `check` has measured.")] = TIMES,
    seconds: Annotated[float, typer.Option(help="Simulated, of each run.")] = 30.0,
    pictures: Annotated[Path | None, typer.Option(help="A folder for the plots.")] = None,
) -> None:
    """Up to 1,000 replicas: throughput, latency, failures, a rolling update, and what state tokens save."""
    service = load_times(times)
    throughput = _throughput(service, seconds)
    failures = _failures(service, seconds)
    memory = _memory(service, seconds)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        (pictures / "replicas.png").write_bytes(plots.replicas(throughput, memory))
    typer.echo(f"{len(failures)} runs with failures")


def load_times(path: Path) -> ServiceTimes:
    """What `check` has written."""
    stored = json.loads(path.read_text("utf-8"))
    steps = tuple((rows, seconds) for rows, seconds in stored["step_s"])
    slowdown = tuple((seconds, factor) for seconds, factor in stored.pop("slowdown", ()))
    return ServiceTimes(steps, slowdown=slowdown, **{key: stored[key] for key in stored if key != "step_s"})


def _throughput(times: ServiceTimes, seconds: float) -> dict[str, list[tuple[int, float, float]]]:
    """By policy: replicas, tokens/s as a share of so many times one, and p99 in seconds at 70% of that."""
    policies = {"at random": at_random, "better of two": better_of_two}
    one = runs.closed_loop(times, 1, CLIENTS, 8 * seconds).tokens_s
    typer.echo(f"\none replica, {CLIENTS} clients: {one:.0f} tokens/s\n")
    typer.echo("| balancer | replicas | of n × one | p99 at 70% of it, ms |")
    typer.echo("|---|---|---|---|")
    table: dict[str, list[tuple[int, float, float]]] = {}
    for name, policy in policies.items():
        for count in SIZES:
            length_s = _length_s(count, seconds)
            share = runs.closed_loop(times, count, CLIENTS, length_s, Conditions(policy=policy)).tokens_s / count / one
            requests = runs.trace(0.7 * count * one / runs.MEAN_TOKENS, length_s, seed=0)
            p99_s = runs.open_loop(times, count, requests, Conditions(policy=policy)).p99_s
            table.setdefault(name, []).append((count, share, p99_s))
            typer.echo(f"| {name} | {count:,} | {share:.3f} | {1000 * p99_s:.0f} |")
    return table


def _failures(times: ServiceTimes, seconds: float) -> list[runs.Result]:
    typer.echo("\n| replicas, at 70% load | p99, ms | answered | killed, repeated | drained, go on | tokens twice |")
    typer.echo("|---|---|---|---|---|---|")
    results = []
    for count in SIZES[2:]:
        length_s = _length_s(count, 4 * seconds)
        requests = runs.trace(0.7 * count * _capacity(times) / runs.MEAN_TOKENS, length_s, seed=0)
        cases = {
            "none dies": Conditions(),
            f"each dies every {MEAN_LIFE_S:.0f} s": Conditions(mean_life_s=MEAN_LIFE_S),
        }
        if count <= MANY:
            cases["rolling update, a tenth at a time"] = Conditions(update_at=5.0)
            cases["the same without draining"] = Conditions(update_at=5.0, drain_s=0.0)
        for name, conditions in cases.items():
            result = runs.open_loop(times, count, requests, conditions)
            results.append(result)
            tally = result.tally
            typer.echo(
                f"| {count:,}, {name} | {1000 * result.p99_s:.0f} | {result.requests:,} of {len(requests):,} "
                f"| {tally.killed:,} | {tally.drained:,} | {tally.repeated_tokens:,} |"
            )
    return results


def _length_s(count: int, seconds: float) -> float:
    return seconds if count <= MANY else max(3.0, seconds * MANY / count)


def _memory(times: ServiceTimes, seconds: float) -> dict[str, list[tuple[int, float]]]:
    """By where a text's state is: replicas, and p99 in seconds."""
    typer.echo("\n| state of a text | replicas | tokens/s | p99, ms | tokens of prompts read |")
    typer.echo("|---|---|---|---|---|")
    table: dict[str, list[tuple[int, float]]] = {}
    clients = int(_capacity(times) * 0.7 / runs.MEAN_TOKENS * (runs.PAUSE_S + 0.2))
    names: dict[runs.Memory, str] = {
        "client": "with the client",
        "replica": "in one replica, sticky",
        "none": "nowhere",
    }
    for memory, name in names.items():
        for count in SIZES[2:4]:
            result = runs.sessions(times, count, clients, 3 * seconds, memory, MEAN_LIFE_S)
            table.setdefault(name, []).append((count, result.p99_s))
            typer.echo(
                f"| {name} | {count} | {result.tokens_s:,.0f} | {1000 * result.p99_s:.0f} "
                f"| {result.tally.prompt_tokens:,} |"
            )
    return table


async def _measure(checkpoints: Path, loop_s: float, run_s: float) -> ServiceTimes:
    async with reality.replicas(checkpoints, 1) as (port,):
        times = await reality.measure(port, loop_s)
        requests = runs.trace(LOADS[0] * _capacity(times) / runs.MEAN_TOKENS, run_s, seed=0)
        return await reality.calibrate(port, times, requests)


async def _real(checkpoints: Path, count: int, requests: Any) -> runs.Result:
    async with reality.replicas(checkpoints, count) as ports:
        await reality.run(ports, requests[:20])  # warms up
        return await reality.run(ports, requests)


def _capacity(times: ServiceTimes) -> float:
    return runs.closed_loop(times, 1, CLIENTS, 60.0).tokens_s


def _ms(result: runs.Result) -> str:
    return f"{1000 * result.p50_s:.0f}, {1000 * result.p99_s:.0f}"


if __name__ == "__main__":
    app()
