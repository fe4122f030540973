"""The number of tokens that Carousel's translator reads and writes for each sentence: server T does the same work.

The running service names the tokens when it is asked for its attention.
"""

import http.client
import json
from pathlib import Path

from benchmarks.extras import BenchError
from benchmarks.texts import SOURCE_SENTENCES

Lengths = dict[str, tuple[int, int]]
"""Tokens of the source (target language and end of text included) and of the translation (end of text included)."""


def measure_lengths(port: int) -> Lengths:
    """Translate every sentence of the workload. Raises BenchError for a refusal."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    lengths = {}
    for sentence in SOURCE_SENTENCES:
        body = json.dumps({"text": sentence, "target": "tr", "beam_size": 5, "attention": True})
        connection.request("POST", "/translate", body, {"content-type": "application/json"})
        response = connection.getresponse()
        reply = json.loads(response.read())
        if response.status != 200:
            raise BenchError(f"the service answered {response.status} to a sentence: {reply.get('detail')}")
        attention = reply["results"][0]["attention"]
        lengths[sentence] = (len(attention["source_tokens"]), len(attention["target_tokens"]))
    connection.close()
    return lengths


def write_lengths(path: Path, lengths: Lengths) -> None:
    path.write_text(json.dumps(lengths), encoding="utf-8")


def read_lengths(path: Path) -> Lengths:
    return {sentence: (source, target) for sentence, (source, target) in json.loads(path.read_text("utf-8")).items()}
