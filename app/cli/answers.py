"""The commands that answer from the shell: generate, next, classify, translate, summarize, transcribe, speak, describe.

`answering` does the work.
"""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import Checkpoints, Json, Language, Lines, Model, Texts, lazily


def generate(
    prompts: Texts = None,
    max_new_tokens: Annotated[int, typer.Option(help="Maximum number of tokens to generate.")] = 64,
    temperature: Annotated[float, typer.Option(help="0: always the likeliest token.")] = 0.8,
    top_k: Annotated[int | None, typer.Option(help="Sample from the k likeliest tokens.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Sample from the likeliest tokens that sum to p.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same text.")] = None,
    n: Annotated[int, typer.Option(help="Number of texts.")] = 1,
    lines: Lines = True,
    model: Model = None,
    language: Language = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Continue a prompt, or several."""
    lazily("app.cli.answering:generate")(
        prompts, lines, json, checkpoints, max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k,
        top_p=top_p, seed=seed, n=n, model=model, language=language,
    )  # fmt: skip


def next_(
    texts: Texts = None,
    top: Annotated[int, typer.Option(help="Number of words.")] = 10,
    unit: Annotated[str, typer.Option(help="word or token.")] = "word",
    partial: Annotated[bool, typer.Option("--partial", help="The last letters start the word to predict.")] = False,
    slips: Annotated[bool, typer.Option("--slips", help="They may have been typed with slips.")] = False,
    whole_word: Annotated[bool, typer.Option("--whole-word", help="They are a whole word, with slips.")] = False,
    lines: Lines = True,
    model: Model = None,
    language: Language = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """List the likeliest next words; of several texts, on a line for each."""
    lazily("app.cli.answering:next_words")(
        texts, lines, json, checkpoints, top=top, unit=unit, partial=partial, slips=slips, whole_word=whole_word,
        model=model, language=language,
    )  # fmt: skip


def classify(
    texts: Texts = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the contribution of each token.")] = False,
    lines: Lines = True,
    model: Model = None,
    language: Language = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Classify a text, or several."""
    lazily("app.cli.answering:classify")(
        texts, lines, json, checkpoints, explain=explain, model=model, language=language
    )


def draw(
    prompts: Texts = None,
    n: Annotated[int, typer.Option(help="Number of images of each prompt.")] = 1,
    temperature: Annotated[float, typer.Option(help="0: always the likelier pixel.")] = 1.0,
    guidance: Annotated[
        float | None, typer.Option(help="More: rather what the prompt names; left out: as /draw.", show_default=False)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same images.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A PNG of all images; left out: they are printed.", show_default=False, dir_okay=False),
    ] = None,
    scale: Annotated[int, typer.Option(help="Each pixel becomes a square of so many pixels in the PNG.")] = 4,
    lines: Lines = True,
    model: Model = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Draw what a prompt names, such as seven, or several."""
    lazily("app.cli.drawing:draw")(
        prompts,
        lines,
        json,
        checkpoints,
        out,
        n=n,
        temperature=temperature,
        guidance=guidance,
        seed=seed,
        scale=scale,
        model=model,
    )


def translate(
    texts: Texts = None,
    target: Annotated[
        str | None,
        typer.Option("--to", help="The target language, such as tr; left out: the other one.", show_default=False),
    ] = None,
    source: Annotated[str, typer.Option("--from", help="The text's language, or auto.")] = "auto",
    beam_size: Annotated[
        int | None, typer.Option(help="1 is greedy; left out: as /translate.", show_default=False)
    ] = None,
    lines: Lines = False,
    model: Model = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Translate a text, or several. The lines of a text stay lines."""
    lazily("app.cli.answering:translate")(
        texts, lines, json, checkpoints, target=target, source=source, beam_size=beam_size, model=model
    )


def transcribe(
    files: Annotated[list[Path], typer.Argument(help="Recordings: WAV, FLAC or Ogg; - is standard input.")],
    language: Annotated[str, typer.Option(help="The language in which digits are written: en or tr.")] = "en",
    model: Model = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Write down the words of recordings, a line for each."""
    lazily("app.cli.answering:transcribe")(files, json, checkpoints, language=language, model=model)


def speak(
    text: Annotated[
        str | None, typer.Argument(help="Words that the model knows; default: standard input.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option(help="A file: .wav, .flac, .ogg or .mp3.", dir_okay=False)] = Path("speech.wav"),
    voice: Annotated[
        str | None, typer.Option(help="One of the model's voices; left out: the seed chooses one.", show_default=False)
    ] = None,
    speed: Annotated[float, typer.Option(help="2 is twice as fast.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same sound.")] = None,
    model: Model = None,
    checkpoints: Checkpoints = None,
) -> None:
    """Speak the words of a text, such as 3 7 1."""
    texts = None if text is None else [text]
    lazily("app.cli.speaking:speak")(texts, out, checkpoints, voice=voice, speed=speed, seed=seed, model=model)


def describe(
    files: Annotated[list[Path], typer.Argument(help="Pictures of a line of digits; - is standard input.")],
    language: Annotated[
        str | None, typer.Option(help="The language of the answer, such as en or tr.", show_default=False)
    ] = None,
    model: Model = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Say in words what pictures show, a line for each."""
    lazily("app.cli.answering:describe")(files, json, checkpoints, language=language, model=model)


def summarize(
    texts: Texts = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(help="Maximum number of tokens; left out: as /summarize.", show_default=False)
    ] = None,
    beam_size: Annotated[
        int | None, typer.Option(help="1 is greedy; left out: as /summarize.", show_default=False)
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="Show where each word was copied from.")] = False,
    lines: Lines = False,
    model: Model = None,
    language: Language = None,
    json: Json = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Summarize a text, or several."""
    lazily("app.cli.answering:summarize")(
        texts, lines, json, checkpoints, max_new_tokens=max_new_tokens, beam_size=beam_size, words=words, model=model,
        language=language,
    )  # fmt: skip
