"""Files, folders and globs; outputs that would destroy something."""

from pathlib import Path

import pytest

from app.errors import InvalidRequest
from tests.bulk.conftest import Bulk, json_lines, write_lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files of rows, one of them further below, and others."""
    folder = tmp_path / "in"
    (folder / "below").mkdir(parents=True)
    (folder / "out.jsonl.parts").mkdir()
    write_lines(folder / "b.jsonl", [{"text": "a good film", "n": 3}, {"text": None, "n": 4}])
    (folder / "below" / "a.csv").write_text("text,n\nthe man,1\nthe dog,2\n", encoding="utf-8")
    for other in (".hidden.jsonl", "README.md", "a.jsonl.errors.jsonl", "out.jsonl.parts/000000.jsonl"):
        (folder / other).write_text("no\n", encoding="utf-8")
    return folder


def test_a_folder_becomes_one_file(bulk: Bulk, folder: Path, tmp_path: Path) -> None:
    """Rows in the order of the files' names; the columns of all."""
    summary = bulk("classify", folder, tmp_path / "out.jsonl", part_rows=1)
    assert (summary.answered, summary.bad) == (3, 1)
    assert [str(row["n"]) for row in json_lines(tmp_path / "out.jsonl")] == ["3", "1", "2"]
    (error,) = json_lines(tmp_path / "out.jsonl.errors.jsonl")
    assert (error["file"], error["row"]) == (str(folder / "b.jsonl"), 2)


def test_a_folder_becomes_a_folder(bulk: Bulk, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    bulk("classify", folder, out)
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*")) == [
        "b.jsonl",
        "b.jsonl.errors.jsonl",
        "below",
        "below/a.csv",
    ]
    assert not list(tmp_path.glob("*.parts"))


def test_globs_and_several_files(bulk: Bulk, folder: Path, tmp_path: Path) -> None:
    bulk("classify", str(folder / "**" / "*.csv"), tmp_path / "glob.jsonl")
    assert len(json_lines(tmp_path / "glob.jsonl")) == 2
    bulk("classify", str(folder / "*" / "*.csv"), tmp_path / "out")
    assert (tmp_path / "out" / "below" / "a.csv").exists()
    bulk("classify", [str(folder / "below" / "a.csv"), str(folder / "b.jsonl")], tmp_path / "two.jsonl")
    assert [str(row["n"]) for row in json_lines(tmp_path / "two.jsonl")] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("names", "out", "message"),
    [
        (["in/b.jsonl"], "in/b.jsonl", "it is an input too"),
        (["in/b.jsonl"], "in/below/../b.jsonl", "it is an input too"),
        (["in"], "in/new.jsonl", "it is in the folder of the inputs"),
        (["in"], "in/new", "it is in the folder of the inputs"),
        (["in"], "in", "it is an input too"),
        (["in/b.jsonl", "in/below/../b.jsonl"], "out.jsonl", "it is named twice"),
        (["in/none.jsonl"], "out.jsonl", "no such file or folder"),
        (["in/*.tsv"], "out.jsonl", "no such file or folder"),
        (["in/README.md"], "out.jsonl", "unknown kind of file"),
        (["in/b.jsonl"], "out.json", "unknown kind of file"),
        (["in/b.jsonl"], "out.parquet.gz", "compressed inside"),
        (["in/out.jsonl.parts"], "out.jsonl", "no file in it"),
        (["in/b.jsonl"], "exists.jsonl", "--overwrite replaces it"),
    ],
)
def test_what_is_refused(
    bulk: Bulk, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], out: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("exists.jsonl").write_text("mine\n", encoding="utf-8")
    if names == ["in/out.jsonl.parts"]:
        Path("in/out.jsonl.parts/000000.jsonl").unlink()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InvalidRequest, match=message):
        bulk("classify", names, Path(out))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_overwriting(bulk: Bulk, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("old\n", encoding="utf-8")
    (tmp_path / "out.jsonl.errors.jsonl").write_text("old\n", encoding="utf-8")
    bulk("classify", folder / "below" / "a.csv", out, overwrite=True)
    assert len(json_lines(out)) == 2
    assert not (tmp_path / "out.jsonl.errors.jsonl").exists()
