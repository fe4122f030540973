"""Files as spreadsheets and exports write them: read as they are meant, or refused with the way to say it."""

import json
from pathlib import Path

import pytest

from models.errors import ConfigError, DataError
from models.tables.lines import TextFormat
from tests.trainer.test_files import written
from trainer.data.files import read_parallel, read_rows
from trainer.data.skipped import BLANK_LABEL, BLANK_TEXT, Skipped

TURKISH = "İşçi çok üzgün, ağlıyor; öğle"
ROWS = [(TURKISH, "kötü"), ("güzel film", "iyi")]


def separated(delimiter: str, header: bool = True) -> str:
    lines = [*([("text", "label")] if header else []), *ROWS]
    return "".join(delimiter.join(f'"{cell}"' for cell in line) + "\r\n" for line in lines)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1254", "utf-16"])
@pytest.mark.parametrize("header", [True, False])
def test_a_spreadsheet_is_read(tmp_path: Path, delimiter: str, encoding: str, header: bool) -> None:
    """The law: whatever the delimiter, the mark at the beginning and the encoding that is named, the same rows."""
    path = written(tmp_path, "a.csv", separated(delimiter, header).encode(encoding))
    columns = ("text", "label") if header else ("1", "2")
    assert list(read_rows(path, columns, form=TextFormat(encoding))) == ROWS


@pytest.mark.parametrize(
    ("name", "content", "form", "message"),
    [
        (
            "a.csv",
            separated(";").encode("windows-1254"),
            {},
            "line 2: byte 0xDD is not UTF-8; .*--encoding windows-1254",
        ),
        ("a.csv", separated(";").encode("utf-16"), {}, "begins as UTF-16 does, not UTF-8: --encoding utf-16"),
        ("a.csv", separated(";").encode("utf-16-le"), {}, "line 1: a NUL character.*--encoding utf-16"),
        (
            "a.csv",
            separated(";"),
            {"encoding": "windows-1254"},
            "line 2: it is UTF-8, not cp1254: leave out --encoding",
        ),
        ("a.csv", "\ufeff" + separated(";"), {"encoding": "windows-1254"}, "as UTF-8 does, .*leave out --encoding"),
        ("a.csv", b"text;label\n\x81;a\n", {"encoding": "windows-1254"}, "line 2: byte 0x81 is not cp1254"),
        ("a.csv", "text,label\nçok iyi, güzel,iyi\n", {}, "line 2: 3 columns, but the first line has 2: .*quotation"),
        ("a.tsv", "text\tlabel\na\tb\tc\n", {}, "line 2: 3 columns, but the first line has 2"),
        ("a.csv", "text;stars\na;1\n", {}, "line 1: no column 'label'; it has 'text"),
        ("a.jsonl", '{"text": "a\\u0000", "label": "x"}\n', {}, "line 1: column 'text' has a NUL character"),
    ],
)
def test_it_is_never_misread(tmp_path: Path, name: str, content: str | bytes, form: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read_rows(written(tmp_path, name, content), ("text", "label"), form=TextFormat(**form)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text;label\rgood;a\rbad;b\r"),
        ("a.csv", 'text,label\r"good\rday",a\rbad,b'),
        ("a.tsv", "text\tlabel\rgood\ta\r"),
        ("a.jsonl", '{"text": "good", "label": "a"}\r{"text": "bad", "label": "b"}\r'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_that_end_in_cr_alone_are_named(tmp_path: Path, name: str, content: str, encoding: str) -> None:
    path = written(tmp_path, name, content.encode(encoding))
    with pytest.raises(DataError, match="its lines end in CR alone: save it with other line ends"):
        list(read_rows(path, ("text", "label"), form=TextFormat(encoding)))


def test_a_carriage_return_within_a_text_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", b'text,label\n"good\rday",a\n')
    assert list(read_rows(path, ("text", "label"))) == [("good\rday", "a")]
    assert list(read_rows(written(tmp_path, "a.txt", b"one line\r"), ("text",))) == [("one line",)]


def test_a_delimiter_that_can_be_two_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "1,5;iyi\n2,5;kötü\n")
    with pytest.raises(DataError, match="its delimiter may be ',' or ';': say which, such as --delimiter"):
        list(read_rows(path, ("1", "2")))
    assert list(read_rows(path, ("1", "2"), form=TextFormat(delimiter=";"))) == [("1,5", "iyi"), ("2,5", "kötü")]


def test_a_delimiter_that_excel_declares(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "sep=;\r\ntext;label\r\na;x\r\nb;\r\n")
    skipped = Skipped()
    assert list(read_rows(path, ("text", "label"), skipped=skipped)) == [("a", "x")]
    assert skipped.first == {BLANK_LABEL: f"{path}: line 4"}


def test_a_column_of_text_with_commas_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text\nMerhaba, dünya\nSelam\n")
    assert list(read_rows(path, ("text",))) == [("Merhaba, dünya",), ("Selam",)]


def test_unknown_formats_are_named() -> None:
    for encoding in ("klingon", "rot13", "hex"):
        with pytest.raises(ConfigError, match=f"--encoding '{encoding}' is unknown"):
            TextFormat(encoding)
    with pytest.raises(ConfigError, match="--delimiter 'ab': name one character"):
        TextFormat(delimiter="ab")
    assert TextFormat(delimiter="tab").delimiter == "\t"


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv", "parquet"])
def test_rows_without_text_or_label_are_left_out_and_counted(tmp_path: Path, suffix: str) -> None:
    """The law: the same rows and counts from every kind of file."""
    rows = [("good", "a"), (None, "a"), ("bad", None), (" ", "b"), ("x", "b")]
    records = [{"text": text, "label": label} for text, label in rows]
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.Table.from_pylist(records), path)
    elif suffix == "jsonl":
        missing = [{name: value for name, value in record.items() if value} for record in records]
        path.write_text("".join(json.dumps(record) + "\n" for record in missing))
    else:
        separator = {"csv": ",", "tsv": "\t"}[suffix]
        path.write_text(
            "".join(separator.join(cell or "" for cell in row) + "\n" for row in [("text", "label"), *rows])
        )
    skipped = Skipped()
    assert list(read_rows(path, ("text", "label"), skipped=skipped)) == [("good", "a"), ("x", "b")]
    assert skipped.counts == {BLANK_TEXT: 2, BLANK_LABEL: 1}
    line = {"jsonl": "line 3", "csv": "line 4", "tsv": "line 4", "parquet": "row 3"}[suffix]
    assert skipped.first[BLANK_LABEL] == f"{path}: {line}"


def test_a_text_column_that_no_row_has(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"body": "a", "label": "x"}\n' * 3)
    with pytest.raises(DataError, match="line 1: no column 'text'; it has 'body', 'label'"):
        list(read_rows(path, ("text", "label")))


def test_pairs_with_a_blank_side_are_counted(tmp_path: Path) -> None:
    left, right = written(tmp_path, "a.en", "one\n\n\ntwo\n"), written(tmp_path, "a.tr", "bir\n\nüç\niki\n")
    skipped = Skipped()
    assert list(read_parallel(left, right, skipped=skipped)) == [("one", "bir"), ("two", "iki")]
    assert skipped.first == {BLANK_TEXT: f"{left}: line 3"}


@pytest.mark.parametrize(
    "command", ["language", "classifier", "translator", "ngram", "bag", "evaluate", "examples", "label"]
)
def test_every_command_that_reads_can_be_told(command: str) -> None:
    """The law: every command whose error names --encoding has that option."""
    import typer

    from trainer.cli.command import make_app

    options = {name for option in typer.main.get_command(make_app()).commands[command].params for name in option.opts}  # type: ignore[attr-defined]
    assert {"--encoding", "--delimiter"} <= options
