"""The benchmark's own arithmetic, its requests and its client: no model, no server but a tiny one made here."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import mean

import pytest

from benchmarks.client import Connection, EventStream
from benchmarks.extras import BenchError, require
from benchmarks.load import Closed, Open
from benchmarks.measure import capacity, units_per_request
from benchmarks.plot import plot
from benchmarks.records import Outcome, Record, read_outcome, write_outcome
from benchmarks.report import Load, Measurement, Report, rows
from benchmarks.summary import Summary, percentile_ms, summarise
from benchmarks.table import remarks, short, table
from benchmarks.texts import REVIEW_SENTENCES, SOURCE_SENTENCES, WORDS
from benchmarks.workloads import WORKLOADS, get_workload, output_length, review

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def take(name: str, seed: int, count: int) -> list[dict[str, object]]:
    return list(itertools.islice(get_workload(name).bodies(seed), count))


def test_output_lengths_are_geometric_within_their_bounds() -> None:
    random = Random(1)
    lengths = [output_length(random) for _ in range(20_000)]
    assert (min(lengths), max(lengths)) == (8, 256)
    assert 61 < mean(lengths) < 67
    # without memory: of those that go on past any length, the same share ends within the next 40
    shares = [
        sum(length <= begin + 40 for length in lengths if length > begin) / sum(length > begin for length in lengths)
        for begin in (7, 37, 67)
    ]
    assert max(shares) - min(shares) < 0.04


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_seed_decides_all_requests(name: str) -> None:
    assert take(name, 1, 50) == take(name, 1, 50)
    assert take(name, 1, 50) != take(name, 2, 50)


def test_a_stream_asks_what_its_twin_asks() -> None:
    plain, streamed = take("generate", 3, 20), take("generate-stream", 3, 20)
    assert [{**body, "stream": True} for body in plain] == streamed


def test_texts_keep_their_promised_lengths() -> None:
    random = Random(2)
    reviews = [len(review(random).split()) for _ in range(500)]
    assert 20 <= min(reviews) < 30
    assert 800 < max(reviews) <= 1000
    assert all(3 <= len(sentence.split()) <= 20 for sentence in SOURCE_SENTENCES)
    assert all(len(set(texts)) == len(texts) for texts in (WORDS, SOURCE_SENTENCES, REVIEW_SENTENCES))
    prompts = [len(str(body["prompt"]).split()) for body in take("generate", 1, 300)]
    assert (min(prompts), max(prompts)) == (3, 12)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(BenchError, match="there are generate, generate-stream"):
        get_workload("nothing")
    with pytest.raises(BenchError, match=r"pip install 'carousel-lstm\[bench\]'"):
        require("json", "no_such_package_as_this")


def test_percentiles() -> None:
    assert percentile_ms([], 50) is None
    assert percentile_ms([0.25], 99) == 250.0
    assert percentile_ms([0.0, 0.1, 0.2, 0.3], 50) == pytest.approx(150.0)
    assert percentile_ms([index / 100 for index in range(101)], 99) == pytest.approx(990.0)


RECORDS = (
    Record(0.0, 0.9, 200, tokens=100),  # ended before the window
    Record(0.5, 1.5, 200, tokens=10, first=0.7, gaps=(0.1, 0.2, 0.3)),
    Record(1.0, 2.5, 200, tokens=30, first=1.1, gaps=(0.4,)),
    Record(1.2, 1.3, 429, error="status 429"),
    Record(1.4, 1.6, 0, error="EOFError: the server hung up"),
    Record(2.0, 3.5, 200, tokens=50),  # ended after it
)


def test_a_closed_loop_counts_what_ended_in_its_window() -> None:
    summary = summarise(Outcome(1.0, 3.0, False, 0.5, RECORDS), counts_tokens=True)
    assert (summary.requests, summary.refused, summary.failed) == (2, 1, 1)
    assert summary.errors == (("EOFError: the server hung up", 1),)
    assert summary.throughput == 20.0
    assert summary.units_per_request == 20.0
    assert summary.latency_p50_ms == pytest.approx(1250.0)
    assert summary.first_p50_ms == pytest.approx(150.0)
    assert summary.gap_p50_ms == pytest.approx(250.0)
    assert summary.load_cpu == 0.25
    assert summarise(Outcome(1.0, 3.0, False, 0.5, RECORDS), counts_tokens=False).throughput == 1.0


def test_an_open_loop_times_what_was_due_in_its_window() -> None:
    summary = summarise(Outcome(1.0, 3.0, True, 0.5, RECORDS), counts_tokens=True)
    assert (summary.requests, summary.refused, summary.failed) == (2, 1, 1)
    assert summary.throughput == 20.0
    assert summary.latency_p50_ms == pytest.approx(1500.0)


def test_nothing_measured_is_none_rather_than_nought() -> None:
    summary = summarise(Outcome(0.0, 1.0, False, 0.0, ()), counts_tokens=True)
    assert (summary.throughput, summary.latency_p99_ms, summary.units_per_request) == (0.0, None, None)


def test_an_outcome_survives_its_file(tmp_path: Path) -> None:
    outcome = Outcome(1.0, 3.0, True, 0.5, RECORDS)
    write_outcome(tmp_path / "outcome.json", outcome)
    assert read_outcome(tmp_path / "outcome.json") == outcome


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_found_however_the_bytes_are_cut(size: int) -> None:
    crlf = ': hello\r\nevent: token\r\ndata: {"text": "ğ"}\r\n\r\n'
    content = f"{crlf}\ndata: a\ndata: b\n\nevent: done\ndata:{{}}\n\nevent: lost\n".encode()
    stream = EventStream()
    events = [event for at in range(0, len(content), size) for event in stream.feed(content[at : at + size])]
    assert events == [("token", '{"text": "ğ"}'), ("message", "a\nb"), ("done", "{}")]


@asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[int]:
    """A server on the port that is yielded; at the end its connections are waited for."""
    handlers: set[asyncio.Task[None] | None] = set()

    async def handle_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        with suppress(ConnectionError):
            await handle(reader, writer)
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(handle_connection, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await asyncio.gather(*(task for task in handlers if task is not None))


async def read_request(reader: asyncio.StreamReader) -> dict[str, object] | None:
    """The JSON body of the next request, or None where there is no more."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    length = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length"))
    body: dict[str, object] = json.loads(await reader.readexactly(length))
    return body


def chunk(text: str) -> bytes:
    content = text.encode()
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def json_reply(status: int, content: object) -> bytes:
    body = json.dumps(content).encode()
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that does as the prompt says, on one connection as long as the client likes."""
    while (body := await read_request(reader)) is not None:
        match body.get("prompt"):
            case "refuse":
                writer.write(json_reply(429, {"title": "Too many requests"}))
            case "hang up":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
                break
            case "break off":
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"0\r\n\r\n")
            case _ if body.get("stream"):
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                for text in ("a", "b", "c"):
                    writer.write(chunk(f'event: token\ndata: {{"text": "{text}"}}\n\n'))
                    await writer.drain()
                writer.write(chunk('event: done\ndata: {"usage": {"generated_tokens": 3}}\n\n') + b"0\r\n\r\n")
            case _:
                writer.write(json_reply(200, {"usage": {"generated_tokens": 7}}))


@pytest.mark.anyio
async def test_one_connection_serves_replies_and_streams_in_turn() -> None:
    connected = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        await answer(reader, writer)

    async with serving(counted) as port:
        connection = Connection(port)
        whole = await connection.post("/generate", b'{"prompt": "x"}')
        streamed = await connection.post("/generate", b'{"prompt": "x", "stream": true}', stream=True)
        refused = await connection.post("/generate", b'{"prompt": "refuse"}')
        again = await connection.post("/generate", b'{"prompt": "x"}', start=whole.start)
        connection.close()
    assert connected == 1
    assert (whole.status, whole.tokens, whole.first, whole.answered) == (200, 7, None, True)
    assert (streamed.tokens, len(streamed.gaps), streamed.answered) == (3, 2, True)
    assert streamed.first is not None
    assert streamed.start <= streamed.first <= streamed.end
    assert streamed.end - streamed.first >= sum(streamed.gaps)
    assert (refused.refused, refused.answered) == (True, False)
    assert again.start == whole.start


@pytest.mark.anyio
async def test_what_fails_is_a_record_and_the_next_request_connects_anew() -> None:
    async with serving(answer) as port:
        connection = Connection(port)
        broken = await connection.post("/generate", b'{"prompt": "hang up"}')
        healed = await connection.post("/generate", b'{"prompt": "x"}')
        cut = await connection.post("/generate", b'{"prompt": "break off"}', stream=True)
        connection.close()
    assert (broken.status, broken.error) == (0, "EOFError: the server hung up")
    assert healed.answered
    assert (cut.status, cut.error, cut.answered) == (200, "the stream broke off", False)
    nobody = await Connection(port).post("/generate", b"{}")
    assert nobody.error.startswith("ConnectionRefusedError")


@pytest.mark.anyio
async def test_both_loops_ask_the_same_requests() -> None:
    bodies: list[dict[str, object]] = []

    async def listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (body := await read_request(reader)) is not None:
            bodies.append(body)
            writer.write(json_reply(200, {"usage": {"generated_tokens": 1}}))

    async with serving(listening) as port:
        closed = await Closed(port, get_workload("generate"), clients=1, seed=4, warm_up_s=0.0).run(0.2)
        first, bodies = bodies, []
        opened = await Open(port, get_workload("generate"), rate=100.0, seed=4, warm_up_s=0.0).run(0.2)
    assert first == take("generate", 4, len(first))
    # an open loop's requests come over several connections, of which a later one may be read first
    assert sorted(map(str, bodies)) == sorted(map(str, take("generate", 4, len(bodies))))
    assert closed.records
    assert all(record.answered for record in (*closed.records, *opened.records))
    assert (closed.is_open, opened.is_open) == (False, True)


EIGHT = Load(8)


def make_measurement(
    arm: str, run: int, throughput: float, p99: float = 100.0, form: str = "", load: Load = EIGHT
) -> Measurement:
    summary = Summary(10, 0, 0, (), throughput, 5.0, 50.0, p99, None, None, None, None, 0.1)
    return Measurement("generate", arm, form, load, run, 100.0, 0.0, summary)


RUNS = [
    make_measurement("A", 0, 10.0, form="sync"),
    make_measurement("A", 0, 20.0, form="async"),
    make_measurement("C", 0, 100.0, p99=50.0),
    make_measurement("A", 1, 40.0, form="async"),
    make_measurement("C", 1, 120.0, p99=25.0),
]


def test_a_server_is_shown_in_its_faster_form_and_compared_run_by_run() -> None:
    tutorial, ours = rows(RUNS)
    assert (tutorial.form, tutorial.ratios) == ("async", {})
    assert (tutorial.figures["throughput"].low, tutorial.figures["throughput"].high) == (20.0, 40.0)
    assert ours.figures["throughput"].median == 110.0
    assert "first_p50_ms" not in ours.figures
    against = ours.ratios["A"]
    assert (against["throughput"].low, against["throughput"].median, against["throughput"].high) == (3.0, 4.0, 5.0)
    assert against["latency_p99_ms"].median == pytest.approx(0.375)


def test_a_ratio_to_nothing_is_left_out() -> None:
    _, ours = rows([make_measurement("A", 0, 0.0), make_measurement("C", 0, 100.0)])
    assert "throughput" not in ours.ratios["A"]


def test_open_loops_are_compared_at_the_same_share() -> None:
    slow = make_measurement("A", 0, 1.0, load=Load(share=0.8, rate=1.0))
    fast = make_measurement("C", 0, 9.0, p99=20.0, load=Load(share=0.8, rate=9.0))
    assert rows([slow, fast])[1].ratios["A"]["latency_p99_ms"].median == pytest.approx(0.2)


def test_capacity_is_the_best_median() -> None:
    closed = [make_measurement("C", run, throughput, load=Load(1)) for run, throughput in enumerate((9.0, 10.0, 900.0))]
    closed += [
        make_measurement("C", run, throughput, load=Load(64)) for run, throughput in enumerate((50.0, 60.0, 70.0))
    ]
    assert capacity(closed).throughput == 60.0
    assert units_per_request(closed) == 5.0


def test_a_report_is_written_shown_and_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.machine import Machine

    measurements = [*RUNS, make_measurement("C", 0, 90.0, load=Load(share=0.5, rate=10.0))]
    report = Report(
        "2026-01-01", Machine("a processor", 2, "cpu", {}), {"generate": "tiny"}, 1.0, 2, tuple(measurements)
    )
    report.write(tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    assert [row["arm"] for row in content["rows"]] == ["A", "C", "C"]
    assert content["measurements"][0]["summary"]["throughput"] == 10.0
    shown = table(report.rows, "generate")
    assert shown.row_count == 3
    assert [column.header for column in shown.columns][:5] == ["load", "server", "requests", "tokens/s", "× A"]
    assert plot(report.rows, "generate").startswith(b"\x89PNG")
    assert remarks(measurements) == []


def test_what_spoils_a_measurement_is_said() -> None:
    good = make_measurement("C", 0, 1.0)
    failed = replace(good.summary, errors=(("status 500", 3),), load_cpu=0.9)
    lines = remarks([good, replace(good, others_cpu=0.8), replace(good, summary=failed)])
    assert len(lines) == 3
    assert lines[0].startswith("generate, 8 clients, C, run 1: other programs took 0.80 cores")
    assert lines[1].endswith("3 × status 500")


def test_numbers_are_short() -> None:
    assert [short(value) for value in (0.1234, 1.234, 12.34, 123.4, 1234.5, 3.0)] == [
        "0.123", "1.23", "12.3", "123", "1,234", "3",
    ]  # fmt: skip
