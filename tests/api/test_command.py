"""The command: what is there at once, what its input may be, and what its errors say."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli import cli
from app.cli.environment import serving_settings, settings_of
from app.cli.input import Limit, read_texts
from app.settings import Settings
from app.telemetry.logs import get_logger
from models.checkpoint_files import was_default
from models.text.tokenizers import WordTokenizer
from tests.conftest import SENTENCES, save_tiny
from tests.tiny_images import tiny_pixel_rnn

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from app.cli import cli
sys.argv[0] = "carousel"
try:
    cli.main()
except SystemExit as stop:
    sys.stderr.flush()
    print(f"\\nstatus {stop.code}; torch {'torch' in sys.modules}; settings {'app.settings' in sys.modules}")
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, which says at its end what it imported."""
    command = [sys.executable, "-c", RUN, *arguments]
    return subprocess.run(
        command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True, check=False, encoding="utf-8"
    )


@pytest.fixture
def shell(checkpoints: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command here, on the tiny models; returns its output, or its error with the status."""
    monkeypatch.setenv("CAROUSEL_CHECKPOINTS", str(checkpoints))

    def call(*arguments: str, stdin: bytes = b"") -> str:
        monkeypatch.setattr(sys, "argv", ["carousel", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return out if stop.value.code == 0 else f"{stop.value.code} {err}"

    return call


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    """A folder with a tiny model that draws."""
    folder = tmp_path / "drawing"
    words = WordTokenizer([WordTokenizer.END, WordTokenizer.UNKNOWN, "seven", "one"])
    save_tiny(folder / "digits", tiny_pixel_rnn(words.size, 28, 28), words, "en")  # type: ignore[arg-type]
    return folder


class TestAtOnce:
    @pytest.mark.parametrize(
        "arguments", [[], ["--help"], ["--version"], ["classify", "--help"], ["serve", "--help"], ["keys", "--help"]]
    )
    def test_help_imports_nothing_that_takes_time(self, arguments: list[str]) -> None:
        assert "torch False; settings False" in run(*arguments).stdout

    def test_nor_does_completion(self, checkpoints: Path) -> None:
        for words, expected in (
            ("carousel cl", "classify"),
            ("carousel classify --ex", "--explain"),
            ("carousel classify --model se", "sentiment-en\nsentiment-tr"),
        ):
            done = run(
                _CAROUSEL_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1),
                CAROUSEL_CHECKPOINTS=str(checkpoints),
            )  # fmt: skip
            assert done.stdout.startswith(expected + "\n"), (words, done.stdout, done.stderr)
            assert "torch False" in done.stdout

    def test_nor_do_lists(self, checkpoints: Path, tmp_path: Path) -> None:
        uses = ("classify:en", "generate:en", "translate:en-tr", "translate:tr-en")
        for columns in ("40", "80", "200"):
            models = run("models", CAROUSEL_CHECKPOINTS=str(checkpoints), COLUMNS=columns)
            assert "torch False" in models.stdout, models.stderr
            assert all(name in models.stdout for name in [path.name for path in checkpoints.iterdir()] + [*uses])
        keys = tmp_path / "keys.json"
        for arguments in (["add", "me"], ["list"], ["revoke", "me"]):
            assert "status 0; torch False" in run("keys", *arguments, "--file", str(keys)).stdout

    def test_a_port_in_use_is_told_before_models_load(self, checkpoints: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = run("serve", "--port", str(port), CAROUSEL_CHECKPOINTS=str(checkpoints))
        assert done.stderr.startswith(f"error: 127.0.0.1, port {port}: another program listens there already; ")
        assert "--port or CAROUSEL_PORT" in done.stderr
        assert done.stderr.count("\n") == 1
        assert "status 2; torch False" in done.stdout

    @pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid"])
    def test_so_is_an_address_of_no_interface(self, host: str) -> None:
        done = run("serve", "--host", host, "--port", "0", CAROUSEL_PUBLIC_WITHOUT_KEYS="true")
        assert done.stderr.startswith("error: "), done.stderr
        assert host in done.stderr
        assert "status 2; torch False" in done.stdout


class TestSeveralTexts:
    TEXTS = SENTENCES[:3]
    LINES = "\r\n\r\n".join(TEXTS).encode() + b"\r\n"

    @pytest.mark.parametrize("command", [["classify"], ["next"], ["translate", "--to", "tr", "--from", "en"]])
    def test_a_line_each(self, shell, command: list[str]) -> None:
        by_arguments = shell(*command, *self.TEXTS).splitlines()
        assert len(by_arguments) == len(self.TEXTS)
        assert by_arguments == shell(*command, "--lines", stdin=self.LINES).splitlines()

    def test_a_line_of_standard_input_is_a_text(self, shell) -> None:
        assert len(shell("classify", stdin=self.LINES).splitlines()) == 3
        assert len(shell("classify", "--whole", stdin=self.LINES).splitlines()) == 1
        prompts = shell("generate", "--max-new-tokens", "1", "--seed", "1", stdin=self.LINES)
        assert all(f"{prompt}" in prompts for prompt in self.TEXTS)

    def test_more_texts_than_a_request_may_have(self, shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CAROUSEL_MAX_TEXTS", "2")
        assert len(shell("classify", *self.TEXTS).splitlines()) == 3
        replies = [json.loads(line) for line in shell("classify", "--json", *self.TEXTS).splitlines()]
        assert [len(reply["results"]) for reply in replies] == [2, 1]

    def test_the_lines_of_a_text_to_translate_stay(self, shell) -> None:
        whole = shell("translate", "--to", "tr", "--from", "en", stdin=b"the man\n\nthe dog\n")
        assert [bool(line.strip()) for line in whole.splitlines()] == [True, False, True]


class TestCombinationsOfOptions:
    @pytest.mark.parametrize("command", ["generate", "next", "classify", "translate", "summarize", "draw"])
    @pytest.mark.parametrize("option", ["--lines", "--whole"])
    def test_arguments_are_texts_already(self, shell, command: str, option: str) -> None:
        error = shell(command, option, "the man", "a dog")
        assert error == "2 error: --lines and --whole are for standard input; each argument is a text\n"

    def test_a_drawing_is_written_whatever_is_printed(self, shell, tmp_path: Path, drawing: Path) -> None:
        options = ["--checkpoints", str(drawing), "--seed", "5", "--n", "2"]
        plain, printed = tmp_path / "plain.png", tmp_path / "printed.png"
        assert shell("draw", "seven", "six", "--out", str(plain), *options) == ""
        replies = shell("draw", "seven", "six", "--json", "--out", str(printed), *options).splitlines()
        assert [len(json.loads(reply)["images"]) for reply in replies] == [2, 2]
        assert plain.read_bytes() == printed.read_bytes()

    def test_what_has_no_effect_is_an_error(self, shell, tmp_path: Path, drawing: Path) -> None:
        options = ["draw", "seven", "--checkpoints", str(drawing)]
        assert "--scale has an effect with --out or --json only" in shell(*options, "--scale", "3")
        assert shell(*options, "--scale", "3", "--json").startswith("{")
        out = tmp_path / "seven.jpg"
        assert "the images are written as PNG" in shell(*options, "--out", str(out))
        assert not out.exists()


class TestWhatIsNoText:
    @pytest.mark.parametrize(
        ("stdin", "message"),
        [
            (b"\x89PNG\r\n\0\0", "standard input: binary data: a zero byte at 6"),
            ("köpek".encode("windows-1254"), "standard input: binary data, or text in another encoding: byte 1 "),
            ("köpek".encode("utf-16"), "standard input: text in UTF-16; iconv -f UTF-16 -t UTF-8 converts it"),
            (b"", "standard input: there is no text; "),
            (b" \n\t\r\n", "standard input: there is no text; "),
            (b"a" * 1_000_000, "line 1: 1,000,000 characters; at most 20,000 are allowed (CAROUSEL_MAX_TEXT_CHARACTE"),
        ],
    )
    def test_it_is_named(self, shell, stdin: bytes, message: str) -> None:
        error = shell("classify", stdin=stdin)
        assert error.startswith("2 error: standard input")
        assert message in error
        assert error.count("\n") == 1

    def test_each_command_names_its_limit(self, shell) -> None:
        names = {"generate": "PROMPT", "next": "PROMPT", "classify": "TEXT", "translate": "SOURCE"}
        for command, name in names.items():
            assert f"(CAROUSEL_MAX_{name}_CHARACTERS)" in shell(command, stdin=b"a" * 30_000)
            assert f"(CAROUSEL_MAX_{name}_CHARACTERS)" in shell(command, "a", "b" * 30_000)

    @pytest.mark.parametrize("command", ["generate", "next", "classify", "translate"])
    def test_no_command_answers_nothing(self, shell, command: str) -> None:
        for stdin in (b"", b"\n \n"):
            assert shell(command, stdin=stdin).startswith("2 error: standard input: there is no text; ")
        assert shell(command, "").startswith("2 error: text: there is no text; ")
        assert shell(command, "the man", " ").startswith("2 error: text 2: there is no text; ")

    def test_a_file_given_as_a_text_is_mentioned(
        self, checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("review.txt").write_text("a good film", encoding="utf-8")
        for text, mentioned in (("review.txt", True), ("a good film", False), ("x" * 5_000, False), ("a\0b", False)):
            read_texts([text], lines=True, settings=Settings(), limit=Limit("max_text_characters"))
            assert ("to read that file: < review.txt" in capsys.readouterr().err) == mentioned

    def test_a_terminal_is_told_how_to_end(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for terminal in (True, False):
            stdin = io.TextIOWrapper(io.BytesIO(b"a good film\n"), encoding="utf-8")
            monkeypatch.setattr(stdin, "isatty", lambda terminal=terminal: terminal)
            monkeypatch.setattr(sys, "stdin", stdin)
            assert read_texts(None, True, Settings(), Limit("max_text_characters")) == ["a good film"]
            assert ("Ctrl-D" in capsys.readouterr().err) == terminal


NAMES = ("model", "language", "checkpoints")
"""Options whose values are looked up: what their errors say needs no option's name."""
REQUEST_OPTIONS = [
    (command, option)
    for command in ("generate", "next", "classify", "translate")
    for option in get_command(cli.app).commands[command].params  # type: ignore[attr-defined]
    if option.param_type_name == "option" and not option.is_flag and option.name not in NAMES
]


class TestOptions:
    @pytest.mark.parametrize(("command", "option"), REQUEST_OPTIONS, ids=lambda value: getattr(value, "name", value))
    def test_errors_name_the_option_that_was_typed(self, shell, command: str, option: Any) -> None:
        """Each option with a value of its type that no request may have."""
        name = option.opts[0]
        value = "" if option.type_descriptor.annotation is str else "-1"
        assert shell(command, "the man", name, value).startswith(f"2 error: {name}: ")


class TestDefault:
    def test_it_marks_and_unmarks(self, shell, tmp_path: Path, checkpoints: Path) -> None:
        folder = tmp_path / "models"
        shutil.copytree(checkpoints / "sentiment-en", folder / "judge")
        for off, expected in (((), True), (("--off",), False)):
            printed = shell("default", "judge", *off, "--checkpoints", str(folder))
            assert printed.startswith("classify:en: judge (")
            assert was_default(folder / "judge") == expected


def test_the_log_is_for_people_on_a_terminal_and_json_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAROUSEL_MODLES", "all")
    for terminal in (True, False):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        serving_settings(port=0)
        get_logger("app.test").info("something_done", count=3)
        unknown, done = capsys.readouterr().err.splitlines()
        assert "CAROUSEL_MODELS" in unknown
        assert "something_done" in done
        assert done.startswith("{") != terminal


@pytest.mark.parametrize(("terminal", "no_color"), [(True, ""), (True, "1"), (False, "")])
def test_lines_for_people_are_in_colour_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool, no_color: str
) -> None:
    """Also those of commands, whose warnings are for people wherever they go."""
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    settings_of()
    get_logger("app.test").warning("folder_skipped", folder="notes")
    printed = capsys.readouterr().err
    assert "folder_skipped" in printed
    assert ("\x1b[" in printed) == (terminal and not no_color)
