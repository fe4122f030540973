import gzip
from pathlib import Path

import pytest

from models.errors import DataError
from trainer.data.files import read_parallel, read_rows
from trainer.data.sources import FileSource, parse_source


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
    rows = list(read_rows(written(tmp_path, name, content), columns))
    assert [(" ".join(text.split()), label) for text, label in rows] == [("çok iyi", "good"), ("bad", "0")]


def test_text_is_a_document_a_line(tmp_path: Path) -> None:
    text = " one \r\n\ntwo\u2028still two\r\n"
    assert list(read_rows(written(tmp_path, "a.txt", text), ("text",))) == [(" one ",), ("two\u2028still two",)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", "", r"a\.jsonl: no text"),
        ("a.txt", " \n\n", r"a\.txt: .* one column"),
        ("a.jsonl", '{"text": "a"}\n{"text": "b"}', r"line 1: no column 'label'; it has 'text'"),
        ("a.jsonl", '{"text": ["a"], "label": "b"}', r"line 1: column 'text' is a list"),
        ("a.jsonl", '{"text": "a"\n', "line 1: not JSON"),
        ("a.jsonl", "[1]", "line 1: not a JSON object"),
        ("a.csv", "text,stars\na,1\n", r"line 1: no column 'label'; it has 'text', 'stars'"),
        ("a.tsv", "text\tlabel\na\n", "row 2: 1 columns, but column 2 is requested"),
        ("a.tsv", b"text\tlabel\na\tb\n\xe7ok\tiyi\n", "line 3: byte 0xE7 is not UTF-8"),
        ("a.csv", 'text,label\n"a,b\nc,d\n', "line 3: .*quotation mark"),
        ("a.doc", "a", "unknown kind of file"),
    ],
)
def test_bad_files_say_what_and_where(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read_rows(written(tmp_path, name, content), ("text", "label")))


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        list(read_rows(tmp_path / "none.txt", ("text",)))
    (tmp_path / "bad.txt.gz").write_bytes(b"no gzip")
    with pytest.raises(DataError, match="can't be read"):
        list(read_rows(tmp_path / "bad.txt.gz", ("text",)))


def test_parallel_files(tmp_path: Path) -> None:
    left, right = written(tmp_path, "a.en", "one\u2028\n\ntwo\n"), written(tmp_path, "a.tr", "bir\n\niki\r\n")
    assert list(read_parallel(left, right)) == [("one\u2028", "bir"), ("two", "iki")]
    with pytest.raises(DataError, match=r"are not parallel: the second ends before line 2"):
        list(read_parallel(left, written(tmp_path, "b.tr", "bir\n")))


class TestSource:
    @pytest.mark.parametrize(
        ("name", "columns"),
        [("a.tsv:2,1", ("2", "1")), ("a.tsv", ("1", "2")), ("a.jsonl", ("s", "t")), ("a.csv:x.y,z", ("x.y", "z"))],
    )
    def test_names(self, tmp_path: Path, name: str, columns: tuple[str, ...]) -> None:
        source = parse_source(name, tmp_path, ("s", "t"), ("1", "2"), "train")
        assert isinstance(source, FileSource)
        assert source.columns == columns

    def test_parallel(self, tmp_path: Path) -> None:
        source = parse_source("a.en,a.tr", tmp_path, ("s", "t"), ("1", "2"), "train")
        assert isinstance(source, FileSource)
        assert source.paths == (tmp_path / "a.en", tmp_path / "a.tr")

    @pytest.mark.parametrize("name", ["a.tsv:1", "a.tsv:1,2,3", "a,b,c", "hf:", "hf:name#one"])
    def test_wrong_numbers(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(DataError):
            parse_source(name, tmp_path, ("s", "t"), ("1", "2"), "train")


class TestParquet:
    @pytest.fixture
    def table(self, tmp_path: Path) -> Path:
        parquet = pytest.importorskip("pyarrow.parquet")
        arrow = pytest.importorskip("pyarrow")
        path = tmp_path / "a.parquet"
        columns = {"text": ["çok iyi", "bad"], "stars": [5, 1], "translation": [{"en": "one", "tr": "bir"}] * 2}
        parquet.write_table(arrow.table(columns), path)
        return path

    def test_columns_and_keys_within_them(self, table: Path) -> None:
        assert list(read_rows(table, ("text", "stars"))) == [("çok iyi", "5"), ("bad", "1")]
        assert list(read_rows(table, ("translation.tr", "translation.en"))) == [("bir", "one")] * 2

    def test_what_is_wrong_is_named(self, table: Path, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no column 'label'; it has 'text', 'stars'"):
            list(read_rows(table, ("label",)))
        with pytest.raises(DataError, match=r"b\.parquet: can't be read"):
            list(read_rows(written(tmp_path, "b.parquet", "no parquet"), ("label",)))
        with pytest.raises(DataError, match=r"c\.parquet: no such file"):
            list(read_rows(tmp_path / "c.parquet", ("label",)))


class TestHub:
    """The `datasets` package, on a folder of files as a hub would hold them."""

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        pytest.importorskip("datasets")
        monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
        (tmp_path / "cache").mkdir()
        import datasets

        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
        folder = tmp_path / "reviews"
        folder.mkdir()
        written(folder, "train.jsonl", '{"text": "çok iyi", "label": "good"}\n{"text": "bad", "label": "bad"}\n')
        written(folder, "validation.jsonl", '{"text": "fena", "label": "bad"}\n')
        (folder / "README.md").write_text(
            "---\nconfigs:\n- config_name: films\n  data_files:\n  - split: train\n    path: train.jsonl\n"
            "  - split: validation\n    path: validation.jsonl\ndataset_info:\n- config_name: films\n  features:\n"
            "  - name: text\n    dtype: string\n  - name: label\n    dtype:\n      class_label:\n        names:\n"
            "          '0': bad\n          '1': good\n---\n",
            encoding="utf-8",
        )
        return folder

    @pytest.mark.parametrize(
        ("name", "split", "rows"),
        [
            ("hf:reviews:films", "train", [("çok iyi", "good"), ("bad", "bad")]),
            ("hf:reviews", "validation", [("fena", "bad")]),
            ("hf:reviews@validation#label,text", "train", [("bad", "fena")]),
        ],
    )
    def test_rows_with_the_names_of_labels(self, folder: Path, name: str, split: str, rows: list) -> None:
        source = parse_source(name, folder.parent, ("text", "label"), ("text", "label"), split)
        assert list(source.rows()) == rows
        assert source.describe() == source.describe()

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("hf:reviews@test", "hf:reviews@test: ValueError: .*test"),
            ("hf:reviews#text,stars", "row 1: no column 'stars'; it has 'text', 'label'"),
            ("hf:nobody/nothing", "hf:nobody/nothing: "),
        ],
    )
    def test_what_is_wrong_is_named(self, folder: Path, name: str, message: str) -> None:
        with pytest.raises(DataError, match=message):
            list(parse_source(name, folder.parent, ("text", "label"), ("text", "label"), "train").rows())
