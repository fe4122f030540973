"""PixelRNN: what a pixel may depend on, and that the runtime draws with the network's probabilities."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.errors import ModelError
from models.networks.pixel_rnn import PixelRNN, PixelRNNConfig
from models.png import grid_of, png_of, rows_of
from models.runtime.pixel_rnn import GREEDY_SCALE, PixelRuntime, RowRule, RowState
from models.text.named_classes import class_named
from tests.tiny_images import CLASSES, tiny_pixel_rnn
from trainer.evaluation.drawings import draw
from trainer.evaluation.images import binarize, image_log_probabilities

MODEL = tiny_pixel_rnn()
HEIGHT, WIDTH = MODEL.config.height, MODEL.config.width
images = st.lists(st.integers(0, 1), min_size=HEIGHT * WIDTH, max_size=HEIGHT * WIDTH).map(
    lambda pixels: torch.tensor(pixels, dtype=torch.float32).view(1, HEIGHT, WIDTH)
)
subjects = st.integers(0, len(CLASSES)).map(lambda index: torch.tensor([index]))


@torch.inference_mode()
def logits_of(image: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
    return MODEL(image, subject)[0]


class TestNetwork:
    @given(images, subjects, st.integers(0, HEIGHT * WIDTH - 1))
    def test_a_pixel_depends_on_none_after_it_nor_on_itself(
        self, image: torch.Tensor, subject: torch.Tensor, position: int
    ) -> None:
        changed = image.clone().view(-1)
        changed[position:] = 1 - changed[position:]
        before, after = logits_of(image, subject).view(-1), logits_of(changed.view_as(image), subject).view(-1)
        assert torch.equal(before[: position + 1], after[: position + 1])

    @pytest.mark.parametrize("position", range(HEIGHT * WIDTH - 1))
    def test_every_pixel_counts_for_those_after_it(self, position: int) -> None:
        image = torch.zeros(1, HEIGHT, WIDTH)
        changed = image.clone()
        changed.view(-1)[position] = 1
        subject = torch.tensor([0])
        assert not torch.equal(logits_of(image, subject), logits_of(changed, subject))

    def test_the_probabilities_of_all_images_sum_to_one(self) -> None:
        config = PixelRNNConfig(10, CLASSES, 3, 3, row_hidden=4, hidden=4, context=4, head=3, window_features=4)
        torch.manual_seed(1)
        model = PixelRNN(config).eval()
        everything = torch.tensor(list(product((0, 1), repeat=9)), dtype=torch.uint8).view(-1, 3, 3)
        for subject in range(len(CLASSES) + 1):
            with torch.inference_mode():
                logs = image_log_probabilities(model, everything, torch.full((512,), subject))
            assert logs.exp().sum().item() == pytest.approx(1, abs=1e-5)

    def test_the_class_counts(self) -> None:
        image = torch.zeros(1, HEIGHT, WIDTH)
        answers = [logits_of(image, torch.tensor([index])) for index in range(len(CLASSES) + 1)]
        assert all(not torch.equal(answers[0], other) for other in answers[1:])


def drawn(
    subjects: NDArray[np.int64],
    uniform: NDArray[np.float64],
    scale: float = 1.0,
    known: int = 0,
    pixels: NDArray[np.uint8] | None = None,
    guidance: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Images (B, H, W) and logits, of which the first rows are known."""
    runtime, above = PixelRuntime(MODEL), MODEL.config.window_rows
    batch = len(subjects)
    image = np.zeros((batch, above + HEIGHT, WIDTH), np.uint8)
    given = image[:, above:] if pixels is None else pixels
    guide = np.zeros(batch) if guidance is None else guidance
    logits, state = np.zeros((batch, HEIGHT, WIDTH)), runtime.start(batch)
    for row in range(HEIGHT):
        rule = RowRule(uniform[:, row], np.full(batch, scale), np.full(batch, row < known), given[:, row], guide)
        image[:, above + row], logits[:, row], state = runtime.draw_row(
            subjects, image[:, row : row + above], state, rule
        )
    return image[:, above:], logits


class TestRuntime:
    generator = np.random.default_rng(3)
    uniform = generator.random((5, HEIGHT, WIDTH))
    subjects = generator.integers(0, len(CLASSES) + 1, 5)

    def test_it_has_the_networks_logits(self) -> None:
        image, logits = drawn(self.subjects, self.uniform)
        with torch.inference_mode():
            expected = MODEL(torch.from_numpy(image), torch.from_numpy(self.subjects)).numpy()
        np.testing.assert_allclose(logits, expected, atol=1e-5)

    def test_alone_as_in_company(self) -> None:
        image, logits = drawn(self.subjects, self.uniform)
        for order in ([0], [3], [4, 1], [2, 2, 0], [4, 3, 2, 1, 0]):
            index = np.array(order)
            one, of_one = drawn(self.subjects[index], self.uniform[index])
            assert np.array_equal(one, image[index])
            assert np.array_equal(of_one, logits[index])

    def test_pixels_are_as_frequent_as_probable(self) -> None:
        count = 4000
        uniform = np.random.default_rng(1).random((count, HEIGHT, WIDTH))
        image, logits = drawn(np.zeros(count, np.int64), uniform)
        probability = 1 / (1 + np.exp(-logits))
        deviation = np.sqrt((probability * (1 - probability)).sum(0))
        assert (np.abs(image.sum(0) - probability.sum(0)) < 5 * deviation).all()

    def test_greedy_takes_the_likelier(self) -> None:
        image, logits = drawn(self.subjects, np.full_like(self.uniform, 0.5), GREEDY_SCALE)
        assert np.array_equal(image, logits > 0)

    @pytest.mark.parametrize("known", [0, 1, 4, HEIGHT])
    def test_known_rows_stay_and_are_scored(self, known: int) -> None:
        pixels = np.random.default_rng(2).integers(0, 2, (5, HEIGHT, WIDTH)).astype(np.uint8)
        image, logits = drawn(self.subjects, self.uniform, known=known, pixels=pixels)
        assert np.array_equal(image[:, :known], pixels[:, :known])
        with torch.inference_mode():
            expected = MODEL(torch.from_numpy(image), torch.from_numpy(self.subjects)).numpy()
        np.testing.assert_allclose(logits, expected, atol=1e-5)

    def test_guidance_adds_what_the_class_changes(self) -> None:
        subjects, guidance = np.array([0, 1, 2, 3, 1]), np.array([0.0, 0.5, 3.0, 2.0, 8.0])
        greedy = np.full_like(self.uniform, 0.5)
        image, logits = drawn(subjects, greedy, GREEDY_SCALE, guidance=guidance)
        none = torch.full((5,), len(CLASSES))
        with torch.inference_mode():
            own, without = (
                MODEL(torch.from_numpy(image), kinds).numpy() for kinds in (torch.from_numpy(subjects), none)
            )
        np.testing.assert_allclose(logits, own, atol=1e-5)
        guided = own + guidance[:, None, None] * (own - without)
        clear = np.abs(guided) > 1e-4
        assert np.array_equal(image[clear], guided[clear] > 0)
        assert np.array_equal(image[3], drawn(subjects[3:4], greedy[3:4], GREEDY_SCALE)[0][0])  # it has no class

    def test_guided_or_not_alone_as_in_company(self) -> None:
        guidance = np.array([0.0, 0.5, 3.0, 0.0, 1.0])
        image, logits = drawn(self.subjects, self.uniform, guidance=guidance)
        for order in ([0], [1], [3, 0], [4, 3], [2, 1, 0]):
            index = np.array(order)
            one, of_one = drawn(self.subjects[index], self.uniform[index], guidance=guidance[index])
            assert np.array_equal(one, image[index])
            assert np.array_equal(of_one, logits[index])

    def test_no_call_changes_a_state(self) -> None:
        runtime = PixelRuntime(MODEL)
        state = RowState(*(np.random.default_rng(1).random((2, 2, 7)).astype(np.float32) for _ in range(2)))
        copies = [part.copy() for part in state]
        rule = RowRule(self.uniform[:2, 0], np.ones(2), np.zeros(2, bool), np.zeros((2, WIDTH), np.uint8), np.ones(2))
        runtime.draw_row(self.subjects[:2], np.ones((2, 3, WIDTH), np.uint8), state, rule)
        assert all(map(np.array_equal, state, copies))


def test_a_seed_decides_the_samples_of_a_card() -> None:
    runtime, classes = PixelRuntime(MODEL), np.array([0, 1, 2])
    assert np.array_equal(draw(runtime, classes, 3), draw(runtime, classes, 3))
    assert not np.array_equal(draw(runtime, classes, 3), draw(runtime, classes, 4))
    assert np.array_equal(draw(runtime, classes, 3)[:2], draw(runtime, classes[:2], 3))


def test_a_binarization_is_fixed_and_fair() -> None:
    gray = np.random.default_rng(1).integers(0, 256, (400, HEIGHT, WIDTH)).astype(np.uint8)
    binary = binarize(gray)
    assert np.array_equal(binary, binarize(gray))
    assert np.array_equal(binary[:30], binarize(gray[:30]))
    assert not binary[gray == 0].any()
    assert binary[gray == 255].all()
    expected, deviation = (gray / 255).sum(), math.sqrt((gray / 255 * (1 - gray / 255)).sum())
    assert abs(binary.sum() - expected) < 5 * deviation


class TestNames:
    @pytest.mark.parametrize(
        ("text", "index"),
        [
            ("seven", 2), ("a SEVEN, please!", 2), ("bana bir yedi çiz"[9:], 2), ("YEDİ", 2), ("7", 2), ("(7)", 2),
            ("sıfır", 0), ("SIFIR", 0), ("su\u0308r 6", 1), ("altı", 1), ("ALTI", 1), ("seven seven 7", 2),
        ],
    )  # fmt: skip
    def test_a_class_by_any_of_its_names(self, text: str, index: int) -> None:
        assert class_named(text, CLASSES) == index

    @pytest.mark.parametrize("text", ["", "77", "seventh", "eight", "a cat", "sev en", "²", "zero six", "0 or 7"])
    def test_none_or_several(self, text: str) -> None:
        with pytest.raises(ModelError, match="one of these: zero, sıfır, 0; six, "):
            class_named(text, CLASSES)


class TestPng:
    ROWS = ("01101", "10010", "00000")

    @given(st.lists(st.text("01", min_size=5, max_size=5), min_size=1, max_size=6))
    def test_there_and_back(self, rows: list[str]) -> None:
        assert rows_of(png_of(rows), 5, 6) == tuple(rows)

    def test_larger_by_squares(self) -> None:
        larger = rows_of(png_of(self.ROWS, 3), 15, 9)
        assert larger == tuple("".join(pixel * 3 for pixel in row) for row in self.ROWS for _ in range(3))

    def test_a_grid(self) -> None:
        assert grid_of([("1", "1"), ("1", "1"), ("1", "1")], 2) == ("101", "101", "000", "100", "100")

    @pytest.mark.parametrize(
        "content", [b"", b"x", b"\x89PNG\r\n\x1a\n", png_of(ROWS)[:40], png_of(ROWS)[:-30], b"GIF89a" + bytes(40)]
    )
    def test_what_is_no_png(self, content: bytes) -> None:
        with pytest.raises(ModelError, match="no PNG that can be read"):
            rows_of(content, 5, 6)

    @pytest.mark.parametrize(("width", "height"), [(4, 6), (6, 6), (5, 2)])
    def test_of_another_size(self, width: int, height: int) -> None:
        with pytest.raises(ModelError, match=f"must have {width} columns and at most {height} rows"):
            rows_of(png_of(self.ROWS), width, height)
