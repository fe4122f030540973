"""Laws of the runtimes: fast is the same as plain, rows are batch-invariant, a state is a value."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from onnx import TensorProto

from models.batch import pad
from models.errors import ConfigError
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.encoder_output import join_encoder_outputs
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.networks.recurrent import CELLS
from models.networks.translator import Translator
from models.runtime.build import (
    choose_precision,
    make_classifier_runtime,
    make_language_runtime,
    make_translator_runtime,
)
from models.runtime.cuda_graphs import GraphedLanguage
from models.runtime.float import FloatLanguage
from models.runtime.int8 import quantization as int8
from models.runtime.int8 import recurrence
from models.runtime.int8.classifier import Int8Classifier
from models.runtime.int8.compiled import CompiledEncoder
from models.runtime.int8.graph import PARALLEL_ROWS, Graph, Step
from models.runtime.int8.language import Int8Language
from models.runtime.int8.onnx import value_info
from models.runtime.int8.recurrence import BLOCK, tanh_of_double
from models.runtime.state import join
from models.sampling import Sampler, SamplingConfig, SamplingStep, sample

CPU = torch.device("cpu")
PRECISIONS = ["float32", "bfloat16", "int8"]
TOLERANCE = {"float32": 1e-5, "bfloat16": 0.05, "int8": 0.05}
IDS = torch.tensor([[7, 9, 4, 30], [5, 5, 80, 2], [301, 6, 0, 11]])


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture
def language(language_model: LanguageModel) -> LanguageModel:
    with torch.no_grad():
        language_model.embedding.weight *= 4  # an untrained model hardly prefers anything
    return language_model


def same(one: tuple[torch.Tensor, ...], other: tuple[torch.Tensor, ...]) -> bool:
    return all(bool((left == right).all()) for left, right in zip(one, other, strict=True))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("cell", CELLS)
class TestLanguage:
    def test_steps_are_the_model(self, language: LanguageModel, precision: str) -> None:
        runtime = make_language_runtime(language, precision)
        expected, _ = language(IDS)
        state = runtime.start(3)
        for step in range(IDS.shape[1]):
            logits, state = runtime.step(IDS[:, step], state)
            torch.testing.assert_close(
                torch.log_softmax(logits, -1), torch.log_softmax(expected[:, step], -1),
                atol=TOLERANCE[precision], rtol=0,
            )  # fmt: skip

    def test_reading_is_stepping(self, language: LanguageModel, precision: str) -> None:
        runtime = make_language_runtime(language, precision)
        read = runtime.prefill(list(IDS), runtime.start(3))
        stepped = runtime.start(3)
        for column in IDS.unbind(1):
            _, stepped = runtime.step(column, stepped)
        read_logits, _ = runtime.step(IDS[:, 0], read)
        logits, _ = runtime.step(IDS[:, 0], stepped)
        close: dict[str, Any] = {"atol": TOLERANCE[precision], "rtol": 0}
        torch.testing.assert_close(torch.log_softmax(read_logits, -1), torch.log_softmax(logits, -1), **close)

    def test_prompts_of_any_length_are_read_side_by_side(self, language: LanguageModel, precision: str) -> None:
        runtime = make_language_runtime(language, precision)
        texts = [IDS[0, :1], IDS[1], IDS[2, :3]]
        together = runtime.prefill(texts, runtime.start(3))
        for row, ids in enumerate(texts):
            alone = runtime.prefill([ids], runtime.start(1))
            for left, right in zip(alone.tensors, together.rows(slice(row, row + 1)).tensors, strict=True):
                torch.testing.assert_close(left, right, atol=0 if runtime.exact else TOLERANCE[precision], rtol=0)

    def test_a_text_goes_on_where_it_was_left(self, language: LanguageModel, precision: str) -> None:
        runtime = make_language_runtime(language, precision)
        whole, _ = runtime.step(IDS[:, 3], runtime.prefill(list(IDS[:, :3]), runtime.start(3)))
        first = runtime.prefill(list(IDS[:, :2]), runtime.start(3))
        parts, _ = runtime.step(IDS[:, 3], runtime.prefill(list(IDS[:, 2:3]), first))
        torch.testing.assert_close(
            torch.log_softmax(parts, -1), torch.log_softmax(whole, -1), atol=TOLERANCE[precision], rtol=0
        )

    def test_a_step_changes_no_state(self, language: LanguageModel, precision: str) -> None:
        runtime = make_language_runtime(language, precision)
        state = runtime.prefill(list(IDS), runtime.start(3))
        before = [tensor.clone() for tensor in state.tensors]
        first, _ = runtime.step(IDS[:, 0], state)
        second, _ = runtime.step(IDS[:, 0], state)
        assert same((first,), (second,))
        assert same(tuple(before), state.tensors)

    def test_draws_are_of_the_steps_scores(self, language: LanguageModel, precision: str) -> None:
        runtime = make_language_runtime(language, precision)
        state = runtime.prefill(list(IDS), runtime.start(3))
        scores, stepped = runtime.step(IDS[:, 0], state)
        for number in torch.rand(50, 3, dtype=torch.float64):
            masked = torch.tensor([[runtime.vocabulary], [0], [7]])
            sampling = SamplingStep(torch.tensor([[1.0], [0.5], [2.0]]), number, masked)
            drawn, logits, after = runtime.sample(IDS[:, 0], state, sampling, return_logits=True)
            assert logits is not None
            assert same((logits, *after.tensors), (scores, *stepped.tensors))
            assert drawn.tolist() == sample(scores, sampling).tolist()
            unscored, nothing, _ = runtime.sample(IDS[:, 0], state, sampling, return_logits=False)
            assert nothing is None
            assert unscored.tolist() == drawn.tolist()
            one = SamplingStep(sampling.scale[1:2], number[1:2], masked[1:2])
            alone, _, _ = runtime.sample(IDS[1:2, 0], state.rows(slice(1, 2)), one, return_logits=False)
            assert not runtime.exact or alone.tolist() == drawn[1:2].tolist()

    @pytest.mark.parametrize("truncated", [False, True])
    def test_settings_apply_to_the_steps_scores(self, language: LanguageModel, precision: str, truncated: bool) -> None:
        """Greedy, penalties, biases, top-k and top-p beside plain rows: as `sample` has them; alone as in company."""
        runtime = make_language_runtime(language, precision)
        configs = [
            SamplingConfig(1.0),
            SamplingConfig(0.0, repetition_penalty=1.3),
            SamplingConfig(1.5, repetition_penalty=1.3, presence_penalty=0.4, logit_bias=((5, 2.0), (9, -100.0))),
        ]
        if truncated:
            configs[0], configs[2] = SamplingConfig(1.0, top_k=3), replace(configs[2], top_p=0.7)
        state = runtime.prefill(list(IDS), runtime.start(3))
        scores, _ = runtime.step(IDS[:, 0], state)
        texts = [config.adjustments(ids.tolist()) for config, ids in zip(configs, IDS, strict=True)]
        for number in torch.rand(30, 3, dtype=torch.float64):
            masked = torch.tensor([[0], [runtime.vocabulary], [7]])
            step = Sampler(configs, CPU).step(number, masked, texts)
            drawn, logits, _ = runtime.sample(IDS[:, 0], state, step, return_logits=True)
            assert logits is not None
            assert same((logits,), (scores,))
            assert drawn.tolist() == sample(scores, step).tolist()
            for row in range(3):
                one, before = slice(row, row + 1), state.rows(slice(row, row + 1))
                alone = Sampler(configs[one], CPU).step(number[one], masked[one], texts[one])
                alone_drawn, _, _ = runtime.sample(IDS[one, 0], before, alone, return_logits=False)
                assert not runtime.exact or alone_drawn.tolist() == drawn[one].tolist()

    def test_rows_leave_repeat_and_join(self, language: LanguageModel, precision: str) -> None:
        runtime = make_language_runtime(language, precision)
        state = runtime.prefill(list(IDS), runtime.start(3))
        mixed = join([state.rows(torch.tensor([2, 0])), state.rows(slice(1, 2)), state.rows(torch.tensor([2]))])
        assert len(mixed) == 4
        assert same(mixed.tensors, state.rows(torch.tensor([2, 0, 1, 2])).tensors)
        assert mixed.row_bytes == state.row_bytes


class TestExact:
    """The int8 runtime is batch-invariant."""

    @pytest.mark.parametrize("layers", [1, 3])
    @pytest.mark.parametrize("table_bytes", [0, 1 << 30])
    def test_alone_and_among_others(self, table_bytes: int, layers: int) -> None:
        torch.manual_seed(3)
        model = LanguageModel(LanguageModelConfig(333, embedding=20, hidden=24, layers=layers)).eval()
        model.embedding.weight *= 3
        runtime = Int8Language(model, max_table_bytes=table_bytes)
        assert runtime.exact
        ids = torch.randint(0, 333, (65, 6))
        together = runtime.prefill(list(ids), runtime.start(65))
        logits, after = runtime.step(ids[:, 0], together)
        for rows in (slice(0, 1), slice(3, 5), slice(30, 63), slice(64, 65)):
            some = runtime.prefill(list(ids[rows]), runtime.start(len(ids[rows])))
            some_logits, some_after = runtime.step(ids[rows, 0], some)
            assert same(some.tensors, together.rows(rows).tensors)
            assert same((some_logits, *some_after.tensors), (logits[rows], *after.rows(rows).tensors))

    def test_table_and_product_agree(self, language: LanguageModel) -> None:
        tabled, multiplied = Int8Language(language), Int8Language(language, max_table_bytes=0)
        left, _ = tabled.step(IDS[:, 3], tabled.prefill(list(IDS[:, :3]), tabled.start(3)))
        right, _ = multiplied.step(IDS[:, 3], multiplied.prefill(list(IDS[:, :3]), multiplied.start(3)))
        torch.testing.assert_close(left, right, atol=0.05, rtol=0)

    @pytest.mark.parametrize("rows", [1, PARALLEL_ROWS + 1])
    def test_a_linear_layer_is_close_and_clips(self, rows: int) -> None:
        torch.manual_seed(0)
        weight, bias, ranges = torch.randn(40, 30), torch.randn(40), torch.rand(30) + 0.1
        graph = Graph(30)
        graph.linear(graph.quantize("values", "whole", ranges), weight, bias, "product", ranges)
        inputs = [value_info("values", TensorProto.FLOAT, "rows", 30)]
        outputs = [
            value_info("product", TensorProto.FLOAT, "rows", 40),
            value_info("whole", TensorProto.UINT8, "rows", 30),
        ]
        layer = Step(graph.model(inputs, outputs), threads=2)
        values = (torch.rand(rows, 30) * 2 - 1) * ranges
        product, whole = layer(rows, ["product", "whole"], {"values": values})
        # half a step of each weight, half a step of each input
        scale = weight.abs().amax(dim=1) / int8.WEIGHT_STEPS
        bound = values.abs().sum(dim=1, keepdim=True) * scale / 2 + weight.abs() @ (ranges / int8.STEPS / 2) + 0.02
        assert ((product - torch.nn.functional.linear(values, weight, bias)).abs() < bound).all()
        assert ((whole.float() - int8.quantize_within(values, ranges).float()).abs() <= 1).all()
        far = [layer(rows, ["whole"], {"values": values.sign() * ranges * times})[0] for times in (1.01, 1e6)]
        assert same((far[0],), (far[1],))


class TestGraphs:
    """What is around the graphs, with a stand-in for CUDA's that runs the work each time."""

    @pytest.mark.parametrize("rows", [1, 2, 3, 5, 8])
    def test_steps_are_the_plain_ones(self, language: LanguageModel, rows: int) -> None:
        captured = []

        def capture(work):
            captured.append(work)
            return work

        plain = FloatLanguage(language)
        graphed = GraphedLanguage(plain, capture)
        ids = torch.randint(0, 300, (rows, 4))
        expected, state = plain.start(rows), graphed.start(rows)
        pairs = []
        for column in ids.unbind(1):
            expected_logits, expected = plain.step(column, expected)
            logits, state = graphed.step(column, state)
            pairs.append((logits, expected_logits))
        for logits, expected_logits in pairs:  # none was written over by a later step
            torch.testing.assert_close(logits, expected_logits)
        for left, right in zip(state.tensors, expected.tensors, strict=True):
            torch.testing.assert_close(left, right)
        assert len(captured) == 1

    def test_where_capturing_fails_steps_run_as_they_are(self, language: LanguageModel) -> None:
        tries = []

        def capture(work):
            tries.append(work)
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

        plain = FloatLanguage(language)
        graphed = GraphedLanguage(plain, capture)
        for _ in range(2):
            logits, _ = graphed.step(IDS[:, 0], graphed.start(3))
        assert same((logits,), (plain.step(IDS[:, 0], plain.start(3))[0],))
        assert len(tries) == 1


@pytest.mark.parametrize("cell", CELLS)
class TestTranslator:
    @pytest.mark.parametrize("precision", PRECISIONS)
    def test_steps_are_the_model(self, translator: Translator, precision: str) -> None:
        runtime = make_translator_runtime(translator, precision)
        source = pad([[translator.language_id("tr"), 5, 9, 0], [translator.language_id("en"), 7, 0]])
        target = torch.tensor([[0, 3, 5, 8], [0, 9, 2, 4]])
        expected, expected_weights, _ = translator.decode(target, *translator.encode(source))
        encoded, state = runtime.encode(source)
        for step in range(target.shape[1]):
            logits, weights, state = runtime.step(target[:, step], state, encoded)
            close: dict[str, Any] = {"atol": TOLERANCE[precision], "rtol": 0.02}
            torch.testing.assert_close(torch.log_softmax(logits, -1), torch.log_softmax(expected[:, step], -1), **close)
            torch.testing.assert_close(weights.float(), expected_weights[:, step], **close)

    @pytest.mark.parametrize("precision", PRECISIONS)
    def test_outputs_of_a_source_are_rows_side_by_side(self, translator: Translator, precision: str) -> None:
        runtime = make_translator_runtime(translator, precision)
        source = pad([[translator.language_id("tr"), 5, 9, 0], [translator.language_id("en"), 7, 0]])
        encoded, state = runtime.encode(source)
        ids = torch.tensor([3, 4, 5, 6])
        logits, _, _ = runtime.step(ids, state.rows(torch.tensor([0, 0, 1, 1])), encoded)
        for row, index in enumerate((0, 0, 1, 1)):
            one = torch.tensor([index])
            alone, _, _ = runtime.step(ids[row : row + 1], state.rows(one), encoded.rows(one))
            torch.testing.assert_close(alone[0], logits[row], atol=TOLERANCE[precision], rtol=0)

    def test_encoder_outputs_join_and_are_cut(self, translator: Translator) -> None:
        runtime = make_translator_runtime(translator, "float32")
        short, _ = runtime.encode(pad([[translator.language_id("tr"), 5, 0]]))
        long, _ = runtime.encode(pad([[translator.language_id("tr"), 5, 6, 7, 8, 0]]))
        both = join_encoder_outputs([short, long])
        assert both.mask.sum(dim=1).tolist() == [3, 6]
        assert same(tuple(vars(both.rows(torch.tensor([0]))).values()), tuple(vars(short).values()))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_classifiers_shares_sum_to_its_logits(classifier: Classifier, precision: str) -> None:
    runtime = make_classifier_runtime(classifier, precision)
    batch = pad([[4, 8, 300], [5], [9, 9, 2, 7, 1]])
    plain, nothing = runtime.classify(batch, explain=False)
    logits, shares = runtime.classify(batch, explain=True)
    assert nothing is None
    torch.testing.assert_close(plain, logits)
    torch.testing.assert_close(shares.sum(dim=1) + classifier.head.bias, logits, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(plain, classifier(batch.ids, batch.lengths), atol=TOLERANCE[precision], rtol=0)


@pytest.mark.parametrize("compile_lstm", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("hidden", [1, 24, BLOCK + 5])
def test_a_text_is_classified_alike_alone_and_among_others(hidden: int, layers: int, compile_lstm: bool) -> None:
    torch.manual_seed(4)
    config = ClassifierConfig(333, ("bad", "good", "neither"), embedding=20, hidden=hidden, layers=layers)
    model = Classifier(config).eval()
    model.embedding.weight *= 5
    runtime = Int8Classifier(model, threads=3, compile_lstm=compile_lstm)
    assert runtime.exact
    texts = [torch.randint(0, 333, (int(length),)).tolist() for length in torch.randint(1, 30, (64,))]
    alone = torch.cat([runtime.classify(pad([text]), explain=False)[0] for text in texts])
    for rows in (2, 7, 31, 64):
        chosen = torch.randperm(64)[:rows].tolist()
        together, _ = runtime.classify(pad([texts[index] for index in chosen]), explain=False)
        assert same((together,), (alone[chosen],))
    batch = pad(texts)
    torch.testing.assert_close(alone, model(batch.ids, batch.lengths), atol=0.05, rtol=0)
    explained, shares = runtime.classify(batch, explain=True)
    explained_alone, shares_alone = runtime.classify(pad(texts[:1]), explain=True)
    assert shares is not None
    assert shares_alone is not None
    assert same((explained_alone[0], shares_alone[0]), (explained[0], shares[0, : len(texts[0])]))


class TestCompiled:
    """A compiled recurrence is the LSTM's, for sizes below, at and above its block."""

    @pytest.mark.parametrize("hidden", [3, BLOCK, BLOCK + 5])
    @pytest.mark.parametrize("table_bytes", [0, 1 << 30])
    def test_hidden_states_are_the_models(self, table_bytes: int, hidden: int) -> None:
        torch.manual_seed(5)
        model = Classifier(ClassifierConfig(50, ("bad", "good"), embedding=20, hidden=hidden, layers=2)).eval()
        model.embedding.weight *= 5
        encoder = CompiledEncoder(model.lstm, model.embedding.weight, table_bytes)
        for length in (1, 2, 40):
            ids = torch.randint(0, 50, (length,))
            expected = model.hidden_states(ids.unsqueeze(0), torch.tensor([length]))[0]
            torch.testing.assert_close(encoder.hidden_states(ids), expected, atol=0.02, rtol=0)

    @pytest.mark.parametrize("index", [-1, 50])
    def test_an_id_outside_the_vocabulary_is_an_error(self, index: int) -> None:
        model = Classifier(ClassifierConfig(50, ("bad", "good"), embedding=4, hidden=3)).eval()
        with pytest.raises(IndexError, match="vocabulary of 50"):
            CompiledEncoder(model.lstm, model.embedding.weight).hidden_states(torch.tensor([1, index]))

    def test_a_tanh_is_within_rounding_errors_and_at_most_one(self) -> None:
        values = torch.cat([torch.linspace(-12, 12, 4001), torch.tensor([0.0, 1e-8, -1e30, 1e30])])
        approximated = torch.tensor([tanh_of_double(half) for half in (values / 2).numpy()])
        torch.testing.assert_close(approximated, values.tanh(), atol=3e-7, rtol=0)
        assert (approximated.abs() <= 1).all()

    def test_where_no_bytecode_is_kept_no_code_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        caches = []

        def njit(cache: bool, **options: Any) -> Any:
            caches.append(cache)
            return lambda function: function

        monkeypatch.setattr(recurrence, "njit", njit)
        for keeps in (True, False):
            monkeypatch.setattr("sys.dont_write_bytecode", not keeps)
            monkeypatch.setattr("os.access", lambda folder, mode: True)
            recurrence.compiled(tanh_of_double)
        monkeypatch.setattr("sys.dont_write_bytecode", False)
        monkeypatch.setattr("os.access", lambda folder, mode: False)
        recurrence.compiled(tanh_of_double)
        assert caches == [True, False, False]


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_other_cells_than_lstms_run_in_float32_where_int8_is_asked_for(
    language: LanguageModel, classifier: Classifier, translator: Translator
) -> None:
    runtimes = (make_language_runtime(language, "int8"), make_classifier_runtime(classifier, "int8"))
    assert {runtime.precision for runtime in (*runtimes, make_translator_runtime(translator, "int8"))} == {"float32"}


def test_a_runtime_leaves_the_model_alone(language: LanguageModel) -> None:
    before = {name: tensor.clone() for name, tensor in language.state_dict().items()}
    for precision in PRECISIONS:
        make_language_runtime(language, precision)
    assert FloatLanguage(language).model is language
    assert all(bool((before[name] == tensor).all()) for name, tensor in language.state_dict().items())


class TestPrecision:
    def test_a_cpu(self) -> None:
        assert choose_precision("auto", CPU) == "int8"
        assert choose_precision("bfloat16", CPU) == "bfloat16"

    def test_a_gpu(self) -> None:
        gpu = torch.device("cuda")
        assert choose_precision("auto", gpu) == "float16"
        assert choose_precision("float32", gpu) == "float32"
        with pytest.raises(ConfigError, match="int8 is for CPUs"):
            choose_precision("int8", gpu)

    @pytest.mark.parametrize("name", ["float64", "", "float16"])
    def test_nonsense(self, name: str) -> None:
        with pytest.raises(ConfigError, match="precision"):
            choose_precision(name, CPU)
