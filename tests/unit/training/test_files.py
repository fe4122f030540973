import gzip
from pathlib import Path

import pytest

from models.errors import DataError
from models.training.files import read_parallel, read_rows
from models.training.sources import Source


def written(folder: Path, name: str, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        ("a.jsonl", '{"text": "çok iyi", "label": "good"}\n\n{"label": 0, "text": "bad"}\n', ("text", "label")),
        ("a.csv", 'id,text,label\n1,"çok\niyi",good\n2,bad,0\n', ("text", "label")),
        ("a.tsv", "label\ttext\r\ngood\tçok iyi\r\n0\tbad\r\n", ("text", "label")),
        ("a.tsv", "çok iyi\tgood\nbad\t0\n", ("1", "2")),
        ("a.csv", "good,çok iyi\n0,bad\n", ("2", "1")),
        ("a.jsonl.gz", '{"text": "çok iyi", "label": "good"}\n{"label": 0, "text": "bad"}', ("text", "label")),
        ("a.tsv.gz", "\ufeffçok iyi\tgood\nbad\t0\n", ("1", "2")),
    ],
)
def test_all_kinds_of_files(tmp_path: Path, name: str, content: str, columns: tuple[str, ...]) -> None:
    rows = read_rows(written(tmp_path, name, content), columns)
    assert [(" ".join(text.split()), label) for text, label in rows] == [("çok iyi", "good"), ("bad", "0")]


def test_text_is_a_document_a_line(tmp_path: Path) -> None:
    text = " one \r\n\ntwo\u2028still two\r\n"
    assert read_rows(written(tmp_path, "a.txt", text), ("text",)) == [(" one ",), ("two\u2028still two",)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", "", r"a\.jsonl: no text"),
        ("a.txt", " \n\n", r"a\.txt: .* one column"),
        ("a.jsonl", '{"text": "a", "label": "b"}\n{"text": "a"}', r"line 2: no column 'label'; it has 'text'"),
        ("a.jsonl", '{"text": ["a"], "label": "b"}', r"line 1: column 'text' is a list"),
        ("a.jsonl", '{"text": "a"\n', "line 1: not JSON"),
        ("a.jsonl", "[1]", "line 1: not a JSON object"),
        ("a.csv", "text,stars\na,1\n", r"line 1: no column 'label'; it has 'text', 'stars'"),
        ("a.tsv", "text\tlabel\na\n", "row 2: 1 columns, and column 2 is wanted"),
        ("a.tsv", b"text\tlabel\na\tb\n\xe7ok\tiyi\n", "line 3: byte 0xE7 is not UTF-8"),
        ("a.csv", 'text,label\n"a,b\nc,d\n', "line 3: .*quotation mark"),
        ("a.doc", "a", "unknown kind of file"),
    ],
)
def test_bad_files_say_what_and_where(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_rows(written(tmp_path, name, content), ("text", "label"))


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_rows(tmp_path / "none.txt", ("text",))
    (tmp_path / "bad.txt.gz").write_bytes(b"no gzip")
    with pytest.raises(DataError, match="can't be read"):
        read_rows(tmp_path / "bad.txt.gz", ("text",))


def test_parallel_files(tmp_path: Path) -> None:
    left, right = written(tmp_path, "a.en", "one\u2028\n\ntwo\n"), written(tmp_path, "a.tr", "bir\n\niki\r\n")
    assert read_parallel(left, right) == [("one\u2028", "bir"), ("two", "iki")]
    with pytest.raises(DataError, match=r"3 lines .* 1: they are not parallel"):
        read_parallel(left, written(tmp_path, "b.tr", "bir\n"))


class TestSource:
    def test_names(self, tmp_path: Path) -> None:
        assert Source.parse("a.tsv:2,1", tmp_path, ("s", "t"), ("1", "2")).columns == ("2", "1")
        assert Source.parse("a.tsv", tmp_path, ("s", "t"), ("1", "2")).columns == ("1", "2")
        assert Source.parse("a.jsonl", tmp_path, ("s", "t"), ("1", "2")).columns == ("s", "t")
        assert len(Source.parse("a.en,a.tr", tmp_path, ("s", "t"), ("1", "2")).paths) == 2

    @pytest.mark.parametrize("name", ["a.tsv:1", "a.tsv:1,2,3", "a,b,c"])
    def test_wrong_numbers(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(DataError):
            Source.parse(name, tmp_path, ("s", "t"), ("1", "2"))
