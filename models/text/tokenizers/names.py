"""Names of tokens, and prompts as ids and back, as other services' APIs have them."""

from collections.abc import Sequence

from models.text.tokenizers.base import END_TEXT, Tokenizer


def is_whole(tokenizer: Tokenizer, token: int) -> bool:
    """Whether a token is whole characters."""
    try:
        tokenizer.surface(token).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def piece_name(tokenizer: Tokenizer, token: int) -> str:
    """The text of a token; where it is no whole characters, its bytes."""
    surface = tokenizer.surface(token)
    return surface.decode("utf-8") if is_whole(tokenizer, token) else bytes_name(surface)


def bytes_name(surface: bytes) -> str:
    """Bytes as OpenAI's API names them, such as `bytes:\\xc3`."""
    return "bytes:" + "".join(f"\\x{value:02x}" for value in surface)


def prompt_ids(tokenizer: Tokenizer, prompt: str) -> tuple[int, ...]:
    """The ids of a prompt. The text of the end token at its beginning is that token."""
    rest = prompt.removeprefix(END_TEXT)
    ends = (tokenizer.end_id,) if rest != prompt else ()
    return (*ends, *tokenizer.encode(rest))


def prompt_of_ids(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """The text of ids, with that of the end token."""
    pieces: list[list[int]] = [[]]
    for token in ids:
        if token == tokenizer.end_id:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return END_TEXT.join(tokenizer.decode(piece) for piece in pieces)
