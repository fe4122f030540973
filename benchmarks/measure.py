"""One server under one load, in a fresh process, so that nothing of the load before is left."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.arms import Arm, Site
from benchmarks.extras import BenchError
from benchmarks.load import DRAIN_S, LONGEST_WARM_UP
from benchmarks.records import Outcome, read_outcome
from benchmarks.report import Load, Measurement
from benchmarks.servers import free_port, running
from benchmarks.summary import summarise
from benchmarks.workloads import Workload

SLACK_S = 60.0


def measure(arm: Arm, form: str, site: Site, load: Load, seconds: float, run: int) -> Measurement:
    """Start a server, load it from another process, stop it. Raises BenchError where one of them fails."""
    site = replace(site, port=free_port())
    with running(arm.launch(site, form), site.port, site.scratch) as server:
        outcome = _load(site, load, seconds, seed=run)
    summary = summarise(outcome, site.workload.counts_tokens)
    watch = server.watch
    return Measurement(site.workload.name, arm.name, form, load, run, watch.peak_bytes / 1e6, watch.others_cpu, summary)


def _load(site: Site, load: Load, seconds: float, seed: int) -> Outcome:
    out = site.scratch / "outcome.json"
    command = [*_command(site.workload, site.port, seconds, seed, out), *_amount(load)]
    longest = (LONGEST_WARM_UP + 2.0) * seconds + DRAIN_S + SLACK_S
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=longest, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise BenchError(f"the load generator did not end within {longest:.0f} s") from None
    if done.returncode:
        raise BenchError(f"the load generator failed: {done.stderr.strip()[-500:]}")
    return read_outcome(out)


def _command(asked: Workload, port: int, seconds: float, seed: int, out: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.load", "--port", str(port), "--workload", asked.name,
            "--seconds", str(seconds), "--seed", str(seed), "--out", str(out)]  # fmt: skip


def _amount(load: Load) -> list[str]:
    return ["--rate", repr(load.rate)] if load.is_open else ["--clients", str(load.clients)]
