"""Every format in and out: rows in order, columns kept, and nothing misread."""

import csv
import gzip
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidRequest
from models.errors import DataError
from models.tables.lines import TextFormat
from tests.bulk.conftest import Bulk, json_lines, write_lines
from tests.conftest import SENTENCES

parquet = pytest.importorskip("pyarrow.parquet")
pyarrow = pytest.importorskip("pyarrow")

ROWS: list[dict[str, Any]] = [
    {"id": number, "text": text, "stars": number / 2, "note": "a;b,\tc" if number % 2 else None}
    for number, text in enumerate(SENTENCES)
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows in the format of the path's suffix."""
    suffix = path.name.removesuffix(".gz").rpartition(".")[2]
    if suffix == "parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        return path
    if suffix == "jsonl":
        content = "".join(json.dumps(row) + "\n" for row in rows)
    elif suffix == "txt":
        content = "".join(row["text"] + "\n" for row in rows)
    else:
        cells = [
            list(rows[0]),
            *(["" if cell is None else str(cell).replace("\t", " ") for cell in row.values()] for row in rows),
        ]
        quote = '"' if suffix == "csv" else ""
        delimiter = "," if suffix == "csv" else "\t"
        content = "".join(delimiter.join(quote + cell + quote for cell in line) + "\n" for line in cells)
    data = content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """Rows of what was written, as their format has them."""
    suffix = path.name.removesuffix(".gz").rpartition(".")[2]
    if suffix == "parquet":
        return parquet.read_table(path).to_pylist()
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode("utf-8-sig")
    if suffix == "jsonl":
        return [json.loads(line) for line in text.splitlines()]
    if suffix == "txt":
        return [{"answer_label": line} for line in text.split("\n")[:-1]]
    if suffix == "csv":
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    header, *lines = (line.split("\t") for line in text.splitlines())
    return [dict(zip(header, line, strict=True)) for line in lines]


FORMATS = ["jsonl", "csv", "tsv", "txt", "parquet", "jsonl.gz", "csv.gz", "tsv.gz", "txt.gz"]


@pytest.fixture
def labels(bulk: Bulk, tmp_path: Path) -> list[str]:
    """The label of each sentence, by way of JSON lines."""
    bulk("classify", write(tmp_path / "sentences.jsonl", ROWS), tmp_path / "labels.jsonl")
    return [row["answer_label"] for row in json_lines(tmp_path / "labels.jsonl")]


@pytest.mark.parametrize("suffix", FORMATS)
def test_all_formats_become_all_formats(bulk: Bulk, tmp_path: Path, labels: list[str], suffix: str) -> None:
    path = write(tmp_path / f"in.{suffix}", ROWS)
    for other in FORMATS:
        out = tmp_path / f"out.{other}"
        summary = bulk("classify", path, out, part_rows=3)
        assert (summary.answered, summary.bad) == (len(ROWS), 0)
        rows = read(out)
        assert [row["answer_label"] for row in rows] == labels
        if "txt" not in other:
            assert [row["text"] for row in rows] == SENTENCES
            assert all(float(row["answer_score"]) >= 0.5 for row in rows)
            assert {row["answer_model"] for row in rows} == {"sentiment-en", "sentiment-tr"}
        if "txt" not in other and "txt" not in suffix:
            assert [str(row["id"]) for row in rows] == [str(number) for number in range(len(ROWS))]
            notes = [(row["note"] or "").replace("\t", " ") for row in rows]  # a .tsv has no tabs in its cells
            assert notes == ["", "a;b, c"] * (len(ROWS) // 2)
        out.unlink()


def test_types_are_kept(bulk: Bulk, tmp_path: Path) -> None:
    """Of JSON exactly; of Parquet into Parquet too; of JSON into Parquet where a column has one type."""
    rows: list[dict[str, Any]] = [
        {
            "text": "a good film",
            "day": {"month": [1, None]},
            "n": 2**62,
            "x": 1.5,
            "yes": True,
            "mixed": 1,
            "void": None,
        },
        {"text": "kötü bir film", "day": None, "n": None, "x": 2, "yes": False, "mixed": "b"},
    ]
    bulk("classify", write_lines(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl")
    without = [
        {name: cell for name, cell in row.items() if not name.startswith("answer_")}
        for row in json_lines(tmp_path / "out.jsonl")
    ]
    assert without == rows
    bulk("classify", tmp_path / "in.jsonl", tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    kinds = {field.name: str(field.type) for field in table.schema}
    assert {name: kinds[name] for name in rows[0]} == {
        "text": "string",
        "day": "string",
        "n": "int64",
        "x": "double",
        "yes": "bool",
        "mixed": "string",
        "void": "string",
    }
    assert kinds["answer_score"] == "double"
    assert table.to_pylist()[0]["day"] == '{"month": [1, null]}'
    columns: dict[str, Any] = {
        "text": pyarrow.array(["a good film"], pyarrow.large_string()),
        "day": pyarrow.array([date(2020, 2, 29)]),
        "tags": pyarrow.array([["a", "b"]]),
        "small": pyarrow.array([7], pyarrow.int8()),
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "typed.parquet")
    bulk("classify", tmp_path / "typed.parquet", tmp_path / "typed-out.parquet")
    typed = parquet.read_table(tmp_path / "typed-out.parquet")
    assert typed.schema.types[:4] == [array.type for array in columns.values()]
    assert typed.to_pylist()[0]["day"] == date(2020, 2, 29)
    bulk("classify", tmp_path / "typed.parquet", tmp_path / "typed.jsonl")
    assert json_lines(tmp_path / "typed.jsonl")[0]["day"] == "2020-02-29"


TURKISH = 'sıra;text;"not"\r\n1;"Güzel; çok güzel bir film";"iyi"\r\n2;"İşçi çok üzgündü, ağladı";"şöyle böyle"\r\n'


@pytest.mark.parametrize("encoding", ["utf-8-sig", "windows-1254", "utf-16", "utf-8"])
def test_csv_as_excel_in_turkey_writes_it(bulk: Bulk, tmp_path: Path, encoding: str) -> None:
    """Read whatever its encoding, once that is said; written so that Excel there opens it."""
    (tmp_path / "in.csv").write_bytes(TURKISH.encode(encoding))
    form = TextFormat("utf-8" if encoding == "utf-8-sig" else encoding)
    bulk("classify", tmp_path / "in.csv", tmp_path / "out.csv", form=form)
    content = (tmp_path / "out.csv").read_bytes()
    assert content.startswith("\ufeff".encode()) == (encoding != "utf-8")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";", strict=True))
    assert [row["text"] for row in rows] == ["Güzel; çok güzel bir film", "İşçi çok üzgündü, ağladı"]
    assert [row["not"] for row in rows] == ["iyi", "şöyle böyle"]
    assert list(rows[0])[:4] == ["sıra", "text", "not", "answer_label"]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt", "jsonl"])
def test_another_encoding_is_refused_with_the_way_to_say_it(bulk: Bulk, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"in.{suffix}"
    lines = {"jsonl": '{"text": "çok üzgün"}\n' * 9, "txt": "çok üzgün\n" * 9}
    path.write_bytes(lines.get(suffix, "text\n" + "çok üzgün\n" * 9).encode("windows-1254"))
    with pytest.raises(DataError, match=r"line \d: byte 0xE7 is not UTF-8; .*--encoding windows-1254"):
        bulk("classify", path, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl.parts").exists()


def test_a_damaged_row_is_left_out(bulk: Bulk, tmp_path: Path) -> None:
    rows = [f"{number},çok iyi".encode() for number in range(40)]
    rows[7] = b"7,\xe7ok"
    rows[8] = b"8,a,b"
    (tmp_path / "in.csv").write_bytes(b"\n".join([b"id,text", *rows]) + b"\n")
    summary = bulk("classify", tmp_path / "in.csv", tmp_path / "out.csv", part_rows=5)
    assert (summary.answered, summary.bad) == (38, 2)
    undecodable, ragged = json_lines(tmp_path / "out.csv.errors.jsonl")
    assert (undecodable["row"], undecodable["line"]) == (8, 9)
    assert undecodable["reason"] == "byte 0xE7 is not UTF-8"
    assert undecodable["values"] == {"id": "7", "text": "\udce7ok"}
    assert ragged["reason"].startswith("3 columns, but the first line has 2")


def test_json_that_is_no_row_is_left_out(bulk: Bulk, tmp_path: Path) -> None:
    lines = ['{"text": "a film"}', "", "no", "[1]", '{"text": "a", "text": "b"}', "[" * 100_000, '{"other": 1}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    summary = bulk("classify", tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert (summary.answered, summary.bad) == (1, 5)
    errors = json_lines(tmp_path / "out.jsonl.errors.jsonl")
    assert [(error["row"], error["line"]) for error in errors] == [(2, 3), (3, 4), (4, 5), (5, 6), (6, 7)]
    assert [error["reason"].split(":")[0] for error in errors] == [
        "not JSON",
        "not a JSON object",
        "two values of the same name",
        "not JSON",
        "Input should be a valid string",
    ]


def test_lines_of_text_stay_parallel(bulk: Bulk, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes("the man\r\n\nköprü nerede\nlast".encode())
    summary = bulk("translate", tmp_path / "in.txt", tmp_path / "out.txt", options={"beam_size": 1})
    assert (summary.answered, summary.bad) == (3, 1)
    lines = (tmp_path / "out.txt").read_text(encoding="utf-8").split("\n")
    assert len(lines) == 5
    assert lines[1] == lines[4] == ""


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x85", "\u2028", "\x1c"])
def test_line_ends_within_a_cell(bulk: Bulk, tmp_path: Path, end: str) -> None:
    rows = [{"text": "the man", "note": f"{end}a{end}b{end}"}, {"text": "a good film", "note": end}]
    bulk("classify", write_lines(tmp_path / "in.jsonl", rows), tmp_path / "out.csv")
    read_back = read(tmp_path / "out.csv")
    assert [{"text": row["text"], "note": row["note"]} for row in read_back] == rows
    bulk("classify", tmp_path / "in.jsonl", tmp_path / "out.tsv")
    assert (tmp_path / "out.tsv").read_bytes().count(b"\n") == 3


def test_columns_by_number_and_within_others(bulk: Bulk, tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_text("1\tthe man\n2\ta good film\n", encoding="utf-8")
    bulk("classify", tmp_path / "in.tsv", tmp_path / "out.tsv", column="2")
    header, first, _ = (tmp_path / "out.tsv").read_text(encoding="utf-8").splitlines()
    assert header.split("\t")[:3] == ["1", "2", "answer_label"]
    assert first.startswith("1\tthe man\t")
    nested: list[dict[str, Any]] = [{"translation": {"en": "the man", "tr": "adam"}}, {"translation": None}]
    summary = bulk(
        "classify", write_lines(tmp_path / "in.jsonl", nested), tmp_path / "out.jsonl", column="translation.en"
    )
    assert (summary.answered, summary.bad) == (1, 1)
    assert json_lines(tmp_path / "out.jsonl")[0]["translation"] == nested[0]["translation"]


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("in.jsonl", "", 0),
        ("in.txt", "", 0),
        ("in.csv", "id,text\n", 1),
        ("in.tsv", "id\ttext", 1),
        ("in.csv.gz", gzip.compress(b"id;text\n", mtime=0), 1),
    ],
)
def test_no_rows(bulk: Bulk, tmp_path: Path, name: str, content: str | bytes, lines: int) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    summary = bulk("classify", tmp_path / name, tmp_path / "out.csv")
    assert (summary.answered, summary.bad) == (0, 0)
    header = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert len(header) == 1
    assert header[0].endswith("answer_label,answer_score,answer_scores,answer_model".replace(",", header[0][-13]))
    parquet.write_table(pyarrow.table({"text": pyarrow.array([], pyarrow.string())}), tmp_path / "in.parquet")
    bulk("classify", tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert parquet.read_table(tmp_path / "out.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.csv", "text,a,a\nx,1,2\n", DataError, "two columns are named 'a'"),
        ("a.tsv", "text\t\t\nx\t1\t2\n", DataError, "two columns are named ''"),
        ("a.csv", "", DataError, "its first line is empty"),
        ("a.csv", "one,two\nx,y\n", InvalidRequest, "no column 'text'; name one with --column: it has 'one', 'two'"),
        ("a.jsonl", '{"one": 1, "two": 2}\n', InvalidRequest, "no column 'text'; name one with --column"),
        ("a.csv", 'text\n"never closed\n', DataError, "is a quotation mark not closed"),
        ("a.csv", "text,answer_label\nx,y\n", InvalidRequest, "it has a column 'answer_label' already: .*--prefix"),
        ("a.csv", "text;a,b\nx;y,z\n", DataError, "its delimiter may be ',' or ';': say which"),
        ("a.parquet", "no", DataError, "can't be read"),
        ("a.txt.gz", "no", DataError, "can't be read"),
        ("a.txt", "a\0b", DataError, "--encoding utf-16"),
    ],
)
def test_files_that_are_refused(
    bulk: Bulk, tmp_path: Path, name: str, content: str, error: type[Exception], message: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(error, match=message):
        bulk("classify", tmp_path / name, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_parquet_with_a_column_twice_is_refused(bulk: Bulk, tmp_path: Path) -> None:
    texts = pyarrow.array(["a"])
    parquet.write_table(pyarrow.Table.from_arrays([texts, texts], ["text", "text"]), tmp_path / "in.parquet")
    with pytest.raises(DataError, match="two columns are named 'text'"):
        bulk("classify", tmp_path / "in.parquet", tmp_path / "out.jsonl")


def test_a_named_column_that_is_not_there(bulk: Bulk, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"no column 'comment'; it has 'id', 'text', 'stars', 'note'"):
        bulk("classify", write(tmp_path / "in.csv", ROWS), tmp_path / "out.csv", column="comment")
