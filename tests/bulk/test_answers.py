"""The law: a row's answer, or the reason that it has none, is what the route gives for its text."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.to_thread import run_sync

from tests.bulk.conftest import Bulk, json_lines, write_lines
from tests.conftest import SENTENCES

pytestmark = pytest.mark.anyio

FRENCH = "Ceci est une phrase en français, évidemment."
BAD: list[Any] = ["", " \n", None, 5, True, {"a": 1}, "x" * 501, "a\ud800b", FRENCH]
"""Texts that some route refuses; which, the route itself says."""

Columns = dict[str, Any]


def classified(reply: Any) -> Columns:
    return {"model": reply["model"], **reply["results"][0]}


def translated(reply: Any) -> Columns:
    result = dict(reply["results"][0])
    detected = result.pop("detected", {"language": reply["source"]})
    return {
        "unchanged": False,
        "source": detected["language"],
        "target": reply["target"],
        "model": reply["model"],
        **result,
    }


def generated(reply: Any) -> Columns:
    choice = dict(reply["choices"][0])
    del choice["index"]
    return {**choice, "seed": reply["seed"], "model": reply["model"]}


def several_generated(reply: Any) -> Columns:
    return {"choices": reply["choices"], "seed": reply["seed"], "model": reply["model"]}


def next_words(reply: Any) -> Columns:
    return {"next": reply["next"], "other": reply["other"], "model": reply["model"]}


CASES = [
    ("classify", "/classify", "text", {}, classified),
    ("classify", "/classify", "text", {"explain": True, "model": "sentiment-tr"}, classified),
    ("translate", "/translate", "text", {}, translated),
    ("translate", "/translate", "text", {"target": "en", "beam_size": 3, "alternatives": 2}, translated),
    ("translate", "/translate", "text", {"source": "tr", "format": "html", "beam_size": 1}, translated),
    ("generate", "/generate", "prompt", {"seed": 5, "max_new_tokens": 12, "top_k": 20}, generated),
    ("generate", "/generate", "prompt", {"seed": 2**53 - 3, "max_new_tokens": 6, "language": "tr"}, generated),
    ("generate", "/generate", "prompt", {"max_new_tokens": 5, "n": 2}, several_generated),
    ("next", "/next-word-probs", "text", {"top": 3}, next_words),
    ("next", "/next-word-probs", "text", {"unit": "token", "temperature": 0.5, "language": "en"}, next_words),
]


@pytest.mark.parametrize(("task", "route", "field", "options", "columns"), CASES)
async def test_bulk_answers_as_the_route_does(
    bulk: Bulk, client: httpx.AsyncClient, tmp_path: Path, task: str, route: str, field: str, options: Any, columns: Any
) -> None:
    rows = [{"number": number, "text": text} for number, text in enumerate([*SENTENCES, *BAD, SENTENCES[0]])]
    path, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    await run_sync(lambda: bulk(task, path, out, options=options, part_rows=7))  # a run has an event loop of its own
    answers = {row["number"]: row for row in json_lines(out)}
    errors = {row["row"] - 1: row for row in json_lines(out.with_name("out.jsonl.errors.jsonl"))}
    assert sorted([*answers, *errors]) == list(range(len(rows)))
    for number, row in enumerate(rows):
        seed = {"seed": answers[number]["answer_seed"]} if task == "generate" and number in answers else {}
        content = json.dumps({field: row["text"], **options, **seed})
        reply = await client.post(route, content=content, headers={"content-type": "application/json"})
        if number in answers:
            assert reply.status_code == 200
            expected = {f"answer_{name}": value for name, value in columns(reply.json()).items()}
            assert answers[number] == {**row, **expected}
        else:
            assert reply.status_code in (404, 422)
            problem = reply.json()
            reason = problem["errors"][0]["detail"] if problem["errors"] else problem["detail"]
            assert errors[number]["reason"] == reason
            assert errors[number]["values"] == row


async def test_seeds_go_on_from_row_to_row(bulk: Bulk, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in.jsonl", [{"prompt": "the man"}] * 5)
    options = {"seed": 2**53 - 3, "max_new_tokens": 8, "temperature": 5.0}
    await run_sync(lambda: bulk("generate", path, tmp_path / "out.jsonl", options=options, part_rows=2))
    rows = json_lines(tmp_path / "out.jsonl")
    assert [row["answer_seed"] for row in rows] == [2**53 - 3, 2**53 - 2, 2**53 - 1, 0, 1]
    assert len({row["answer_text"] for row in rows}) > 1
