"""A line of digits is the same however it was photographed, scanned or drawn."""

import numpy as np
import pytest
from PIL import Image

from models.pictures import HEIGHT, INK_HEIGHT, MULTIPLE, UnreadablePicture, normalize
from tests.pictures.digits import draw_line

LINE = draw_line([4, 0, 9])


def similar(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two pictures differ little: by an eighth of the ink on average."""
    width = min(first.shape[1], second.shape[1])
    difference = np.abs(first[:, :width].astype(float) - second[:, :width]).sum()
    return abs(first.shape[1] - second.shape[1]) <= MULTIPLE and difference < 0.125 * first.sum()


def test_the_form_is_that_of_mnist() -> None:
    pixels = normalize(LINE).pixels
    assert pixels.shape[0] == HEIGHT
    assert pixels.shape[1] % MULTIPLE == 0
    rows = np.flatnonzero(pixels.max(axis=1) > 100)
    assert INK_HEIGHT - 2 <= rows[-1] - rows[0] + 1 <= INK_HEIGHT
    assert pixels.max() > 200


def test_polarity_and_brightness_do_not_matter() -> None:
    expected = normalize(LINE).pixels
    assert (normalize(255 - LINE).pixels == expected).all()
    faint = (120 + LINE.astype(np.int64) // 5).astype(np.uint8)
    assert similar(normalize(faint).pixels, expected)


def test_margins_do_not_matter() -> None:
    line = normalize(LINE)
    framed = normalize(np.pad(LINE, ((30, 11), (7, 90))))
    assert (framed.pixels == line.pixels).all()
    assert framed.left == line.left + 7


@pytest.mark.parametrize("factor", [2, 5, 11])
def test_size_does_not_matter(factor: int) -> None:
    height, width = LINE.shape
    large = Image.fromarray(LINE).resize((factor * width, factor * height), Image.Resampling.BICUBIC)
    line = normalize(np.asarray(large))
    assert similar(line.pixels, normalize(LINE).pixels)
    assert line.scale == pytest.approx(factor * normalize(LINE).scale, rel=0.1)


def test_a_fine_pen_is_thickened() -> None:
    fine = np.zeros((300, 200), np.uint8)
    fine[20:280, 99:101] = 255
    pixels = normalize(fine).pixels
    assert (pixels > 127).any(axis=1).sum() >= INK_HEIGHT - 2
    assert (pixels > 127).sum(axis=1).max() >= 2


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((28, 28), np.uint8), "same brightness"),
        (np.full((28, 28), 255, np.uint8), "same brightness"),
        (np.ones((1, 1), np.uint8), "same brightness"),
        (np.tile(LINE, (1, 30)), "one line"),
    ],
)
def test_what_is_no_line_is_refused(pixels: np.ndarray, reason: str) -> None:
    with pytest.raises(UnreadablePicture, match=reason):
        normalize(pixels)


def test_specks_alone_are_refused() -> None:
    paper = np.zeros((100, 100), np.uint8)
    paper[::10, ::10] = 255
    with pytest.raises(UnreadablePicture, match="specks"):
        normalize(paper)
