"""How many tokens this project's translator reads and writes for each sentence: server T is given as many.

They are asked of the running service, which names them when it shows its attention.
"""

import http.client
import json
from pathlib import Path

from benchmarks.extras import BenchError
from benchmarks.texts import SOURCE_SENTENCES

Lengths = dict[str, tuple[int, int]]
"""Tokens of the source (the wanted language and the end included) and of the translation (the end included)."""


def ask_lengths(port: int) -> Lengths:
    """Translate every sentence of the workload, one after the other. Raises BenchError for a refusal."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    lengths = {}
    for sentence in SOURCE_SENTENCES:
        body = json.dumps({"text": sentence, "target": "tr", "beam_size": 5, "attention": True})
        connection.request("POST", "/translate", body, {"content-type": "application/json"})
        reply = connection.getresponse()
        answer = json.loads(reply.read())
        if reply.status != 200:
            raise BenchError(f"the service answered {reply.status} to a sentence to translate: {answer.get('detail')}")
        attention = answer["results"][0]["attention"]
        lengths[sentence] = (len(attention["source_tokens"]), len(attention["target_tokens"]))
    connection.close()
    return lengths


def write_lengths(path: Path, lengths: Lengths) -> None:
    path.write_text(json.dumps(lengths), encoding="utf-8")


def read_lengths(path: Path) -> Lengths:
    return {sentence: (source, target) for sentence, (source, target) in json.loads(path.read_text("utf-8")).items()}
