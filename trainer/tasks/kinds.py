"""How the trainer makes and measures each kind of model of models/kinds.py."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from models.counted.bag_of_words import Bag
from models.counted.ngram import Ngram
from models.errors import ConfigError, DataError
from models.networks.captioner import Captioner, CaptionerConfig
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.networks.pixel_rnn import PixelRNN, PixelRNNConfig
from models.networks.recognizer import Recognizer, RecognizerConfig
from models.networks.speaker import Speaker, SpeakerConfig
from models.networks.summarizer import Summarizer, SummarizerConfig
from models.networks.transformer import Transformer, TransformerConfig
from models.networks.translator import Translator, TranslatorConfig
from models.text.known_words import KnownWords
from models.text.tokenizers import Tokenizer
from trainer.data.files import Row
from trainer.data.mnist import NAMES, MnistSource
from trainer.data.pairs import PairConfig
from trainer.data.recordings import FORM, RecordingSource, Spoken
from trainer.data.sources import Source
from trainer.data.title_case import SentenceCase
from trainer.evaluation.captions import evaluate_captioner
from trainer.evaluation.classification import evaluate_classifier, known_labels
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.drawings import DRAWINGS, sample_grid
from trainer.evaluation.images import evaluate_images
from trainer.evaluation.language import evaluate_language, evaluate_ngram
from trainer.evaluation.recognition import evaluate_recognizer
from trainer.evaluation.speaking import evaluate_speaker, load_recognizer
from trainer.evaluation.summarization import evaluate_summarizer
from trainer.evaluation.translation import evaluate_directions
from trainer.loop.optimization import TrainingConfig
from trainer.loop.trainer import Task
from trainer.tasks.bag_of_words import BagFit
from trainer.tasks.captioning import CaptioningTask, CaptioningTaskConfig
from trainer.tasks.classification import ClassificationTask, ClassificationTaskConfig
from trainer.tasks.configs import BaggingConfig, CountingConfig, VocabularyConfig, WordListConfig
from trainer.tasks.images import ImageTask, ImageTaskConfig
from trainer.tasks.language import LanguageTask, LanguageTaskConfig, joined_texts
from trainer.tasks.ngram import NgramFit
from trainer.tasks.recognition import RecognitionTask, RecognitionTaskConfig, read_recordings
from trainer.tasks.sizing import bag_sizes, classifier_sizes, language_sizes, summarizer_sizes, translator_sizes
from trainer.tasks.sound_changes import SoundChangesConfig
from trainer.tasks.speaking import SpeakingTask, SpeakingTaskConfig, read_takes, words_and_voices
from trainer.tasks.spectra import fit_spectrum
from trainer.tasks.summarization import SummarizationTask, SummarizationTaskConfig
from trainer.tasks.training import Material, Scores, Settings, Training
from trainer.tasks.transfer import transfer
from trainer.tasks.translation import TranslationTask, TranslationTaskConfig
from trainer.tasks.windows import WindowTask


def _language(material: Material) -> Task[Any, Any]:
    tokenizer, settings = material.tokenizer, material.settings
    model = LanguageModel(settings.make(LanguageModelConfig, tokenizer.size))
    if material.start is not None:
        model.load_state_dict(material.start.state_dict())
    valid = [text for (text,) in material.valid]
    config = settings.make(LanguageTaskConfig)
    stream = material.corpus.columns[0].values
    if config.join_texts:
        stream = joined_texts(stream, tokenizer.end_id, config.join_texts, settings.seed)
    task = WindowTask if config.window else LanguageTask
    return task(model, tokenizer, stream, valid, config, settings.seed)


def _transformer(material: Material) -> Task[Any, Any]:
    """As a language model's, whose methods and carried state it has."""
    settings, tokenizer = material.settings, material.tokenizer
    model: Any = Transformer(settings.make(TransformerConfig, tokenizer.size))
    stream, valid = material.corpus.columns[0].values, [text for (text,) in material.valid]
    return LanguageTask(model, tokenizer, stream, valid, settings.make(LanguageTaskConfig), settings.seed)


def _classifier(material: Material) -> Task[Any, Any]:
    tokenizer, settings, corpus = material.tokenizer, material.settings, material.corpus
    valid = material.labelled_valid
    model = Classifier(settings.make(ClassifierConfig, tokenizer.size, corpus.label_names))
    if isinstance(material.start, LanguageModel):
        transfer(material.start, model)
    elif isinstance(material.start, Classifier):
        _check_labels(material.start, model)
        model.load_state_dict(material.start.state_dict())
    config = settings.make(ClassificationTaskConfig)
    return ClassificationTask(model, tokenizer, corpus.columns[0], corpus.labels, valid, config, settings.seed)


def _check_labels(start: Classifier, model: Classifier) -> None:
    """Raise ConfigError where a classifier would start from one of other labels."""
    if start.config.labels != model.config.labels:
        own, other = (", ".join(map(repr, labels)) for labels in (model.config.labels, start.config.labels))
        raise ConfigError(f"the model of --from has the labels {other}, and the training texts {own}")


def _translator(material: Material) -> Task[Any, Any]:
    tokenizer, settings = material.tokenizer, material.settings
    first, second = material.languages
    directions = ((first, second), *(() if material.one_way else ((second, first),)))
    model = Translator(settings.make(TranslatorConfig, tokenizer.size, (first, second), directions))
    if isinstance(material.start, Translator):
        _check_directions(material.start, model)
        model.load_state_dict(material.start.state_dict())
    valid = [(row[0], row[1]) for row in material.valid]
    config, tokenize = settings.make(TranslationTaskConfig), settings.make(EvaluationConfig).bleu_tokenize
    return TranslationTask(
        model, tokenizer, material.corpus.columns, valid, config, settings.seed, tokenize,
        material.distilled, material.originals,
    )  # fmt: skip


def _check_directions(start: Translator, model: Translator) -> None:
    """Raise ConfigError where a translator would start from one of other languages or directions."""
    own, other = model.config.directions, start.config.directions
    if (own, model.config.languages) != (other, start.config.languages):
        names = " and ".join(f"{source} to {target}" for source, target in other)
        raise ConfigError(f"the model of --from translates {names}, and this one would not")


def _captioner(material: Material) -> Task[Any, Any]:
    settings = material.settings
    train, valid = (_digits(sources) for sources in material.sources)
    model = Captioner(settings.make(CaptionerConfig, material.tokenizer.size, material.languages))
    config = settings.make(CaptioningTaskConfig)
    return CaptioningTask(model, material.tokenizer, train, valid, config, settings.seed)


def _image(material: Material) -> Task[Any, Any]:
    settings = material.settings
    train = _digits(material.sources[0])
    names = tuple((*names, str(digit)) for digit, names in enumerate(zip(*NAMES.values(), strict=True)))
    model = PixelRNN(settings.make(PixelRNNConfig, material.tokenizer.size, names))
    return ImageTask(model, train.images, train.labels, settings.make(ImageTaskConfig), settings.seed)


def _digits(sources: Sequence[Source]) -> MnistSource:
    """Raises DataError where the data are not one folder of digits."""
    (source,) = sources if len(sources) == 1 else (None,)
    if not isinstance(source, MnistSource):
        raise DataError("this kind is trained on pictures of digits: --train mnist:FOLDER --valid mnist:FOLDER")
    return source


def _score_captioner(model: Captioner, tokenizer: Tokenizer, source: Source, config: EvaluationConfig) -> Scores:
    return evaluate_captioner(model, tokenizer, _digits([source]), config)


def _recognizer(material: Material) -> Task[Any, Any]:
    settings, tokenizer = material.settings, material.tokenizer
    model = Recognizer(settings.make(RecognizerConfig, tokenizer.size))
    train, valid = ([one for source in sources for one in _recordings(source)] for sources in material.sources)
    waves = [one.wave(model.config.sample_rate) for one in train]
    fit_spectrum(model.spectrum, model.config.sample_rate, waves)
    return RecognitionTask(
        model,
        read_recordings(train, model, tokenizer),
        read_recordings(valid, model, tokenizer),
        settings.make(RecognitionTaskConfig),
        settings.make(SoundChangesConfig),
        settings.seed,
    )


def _speaker(material: Material) -> Task[Any, Any]:
    settings, tokenizer = material.settings, material.tokenizer
    load_recognizer(settings.make(EvaluationConfig).recognizer)  # a wrong one is named before training
    train, valid = ([one for source in sources for one in _recordings(source)] for sources in material.sources)
    model = Speaker(settings.make(SpeakerConfig, tokenizer.size, *words_and_voices(train), len(train)))
    takes = read_takes(train, model), read_takes(valid, model)
    return SpeakingTask(model, *takes, settings.make(SpeakingTaskConfig), settings.seed)


def _recordings(source: Source) -> Iterator[Spoken]:
    """Raises DataError for a source that has no recordings."""
    if not isinstance(source, RecordingSource):
        raise DataError(f"{source.name}: recordings are needed: {FORM}")
    return source.recordings()


def _score_recognizer(model: Recognizer, tokenizer: Tokenizer, source: Source, config: EvaluationConfig) -> Scores:
    if not isinstance(source, RecordingSource):
        raise DataError(f"{source.name}: recordings are needed: {FORM}")
    return evaluate_recognizer(model, tokenizer, source, config)


def _score_speaker(model: Speaker, _: Tokenizer, source: Source, config: EvaluationConfig) -> Scores:
    if not isinstance(source, RecordingSource):
        raise DataError(f"{source.name}: recordings are needed: {FORM}")
    return evaluate_speaker(model, source, config)


def _summarizer(material: Material) -> Task[Any, Any]:
    tokenizer, settings, language = material.tokenizer, material.settings, material.languages[0]
    model = Summarizer(settings.make(SummarizerConfig, tokenizer.size, (language,), ((language, language),)))
    if isinstance(material.start, Summarizer):
        model.load_state_dict(material.start.state_dict())
    valid = [(row[0], row[1]) for row in material.valid]
    config = settings.make(SummarizationTaskConfig)
    return SummarizationTask(model, tokenizer, material.corpus.columns, valid, config, settings.seed)


def _summary_rows(settings: Settings, rows: Iterable[Row]) -> Callable[[Iterable[Row]], Iterator[Row]]:
    return SentenceCase(rows).rows if settings.everything["titles"] else iter


def _score_image(model: PixelRNN, _: Tokenizer, source: Source, config: EvaluationConfig) -> Scores:
    digits = _digits([source])
    return evaluate_images(model, digits.images, digits.labels, config)


def _score_language(
    model: LanguageModel,
    tokenizer: Tokenizer,
    rows: Sequence[Row],
    _: str,
    config: EvaluationConfig,
    precision: str,
    _known: KnownWords | None = None,
) -> Scores:
    return evaluate_language(model, tokenizer, [text for (text,) in rows], config, precision=precision)


def _score_ngram(
    model: Ngram,
    tokenizer: Tokenizer,
    rows: Sequence[Row],
    _: str,
    config: EvaluationConfig,
    _precision: str,
    _known: KnownWords | None = None,
) -> Scores:
    return evaluate_ngram(model, tokenizer, [text for (text,) in rows], config)


def _score_classifier(
    model: Classifier | Bag,
    tokenizer: Tokenizer,
    rows: Sequence[Row],
    name: str,
    config: EvaluationConfig,
    precision: str,
    _known: KnownWords | None = None,
) -> Scores:
    labels = known_labels(model.config.labels, rows, name)
    return evaluate_classifier(model, tokenizer, [text for text, _ in rows], labels, config, precision)


def _score_translator(
    model: Translator,
    tokenizer: Tokenizer,
    rows: Sequence[Row],
    _: str,
    config: EvaluationConfig,
    precision: str,
    known: KnownWords | None = None,
) -> Scores:
    pairs = [(row[0], row[1]) for row in rows]
    return evaluate_directions(model, tokenizer, pairs, config, precision, known)


def _score_summarizer(
    model: Summarizer,
    tokenizer: Tokenizer,
    rows: Sequence[Row],
    _: str,
    config: EvaluationConfig,
    precision: str,
    _known: KnownWords | None = None,
) -> Scores:
    return evaluate_summarizer(model, tokenizer, rows, config, precision)


LANGUAGE = Training(
    help="Train a language model on text: .txt with a document a line, .jsonl, .csv, .tsv, .parquet.",
    configurations=(VocabularyConfig, LanguageModelConfig, TrainingConfig, EvaluationConfig, LanguageTaskConfig),
    build=_language,
    sized=language_sizes,
    evaluate=_score_language,
    stream=True,
    inherited=("embedding", "hidden", "layers", "cell", "backward"),
)
TRANSFORMER = Training(
    help="Train a small Transformer on text, to compare recurrent models with: files as for a language model.",
    configurations=(VocabularyConfig, TransformerConfig, TrainingConfig, EvaluationConfig, LanguageTaskConfig),
    build=_transformer,
    evaluate=_score_language,
    stream=True,
)
CLASSIFIER = Training(
    help="Train a classifier on labelled texts: .jsonl, .csv, .tsv or .parquet with the columns text and label.",
    configurations=(VocabularyConfig, ClassifierConfig, TrainingConfig, EvaluationConfig, ClassificationTaskConfig),
    build=_classifier,
    sized=classifier_sizes,
    evaluate=_score_classifier,
    start=(LanguageModel, Classifier),
    inherited=("embedding", "hidden", "layers", "cell"),
    per_layer_rates=True,
)
TRANSLATOR = Training(
    help="Train a translator on sentence pairs: .tsv, .csv, .jsonl, .parquet, or two parallel files SOURCE,TARGET.",
    configurations=(
        VocabularyConfig,
        TranslatorConfig,
        TrainingConfig,
        EvaluationConfig,
        TranslationTaskConfig,
        PairConfig,
    ),
    build=_translator,
    sized=translator_sizes,
    evaluate=_score_translator,
    start=(Translator,),
    inherited=("embedding", "hidden", "encoder_layers", "cell", "copying"),
    pairs=True,
)
CAPTIONER = Training(
    help="Train a captioner on pictures of handwritten digits: mnist:FOLDER, a folder of MNIST's files.",
    configurations=(VocabularyConfig, CaptionerConfig, TrainingConfig, EvaluationConfig, CaptioningTaskConfig),
    build=_captioner,
    evaluate_source=_score_captioner,
    shares_texts=True,
)
RECOGNIZER = Training(
    help="Train a recognizer on recordings of words: recordings:PATH, a folder or an archive of TEXT_VOICE_TAKE.wav.",
    configurations=(
        WordListConfig,
        RecognizerConfig,
        TrainingConfig,
        EvaluationConfig,
        RecognitionTaskConfig,
        SoundChangesConfig,
    ),
    build=_recognizer,
    evaluate_source=_score_recognizer,
    shares_texts=True,
)
SPEAKER = Training(
    help="Train a speaker on recordings of words: recordings:PATH, a folder or an archive of TEXT_VOICE_TAKE.wav.",
    configurations=(WordListConfig, SpeakerConfig, TrainingConfig, EvaluationConfig, SpeakingTaskConfig),
    build=_speaker,
    evaluate_source=_score_speaker,
    shares_texts=True,
)
SUMMARIZER = Training(
    help="Train a summarizer on .jsonl, .csv, .tsv or .parquet with the columns text and summary.",
    configurations=(VocabularyConfig, SummarizerConfig, TrainingConfig, EvaluationConfig, SummarizationTaskConfig),
    build=_summarizer,
    sized=summarizer_sizes,
    evaluate=_score_summarizer,
    rows=_summary_rows,
    start=(Summarizer,),
    inherited=("embedding", "hidden", "encoder_layers", "cell", "copying", "titles"),
)
IMAGE = Training(
    help="Train a network that draws digits: mnist:FOLDER, a folder of MNIST's files.",
    configurations=(VocabularyConfig, PixelRNNConfig, TrainingConfig, EvaluationConfig, ImageTaskConfig),
    build=_image,
    evaluate_source=_score_image,
    pictures=lambda model: {DRAWINGS: sample_grid(model)},
    shares_texts=True,
)
NGRAM = Training(
    help="Count an n-gram model on text: .txt with a document a line, .jsonl, .csv, .tsv, .parquet.",
    configurations=(WordListConfig, CountingConfig, EvaluationConfig),
    build=NgramFit,
    evaluate=_score_ngram,
    stream=True,
)
BAG = Training(
    help="Fit a bag of words on labelled texts: .jsonl, .csv, .tsv or .parquet with the columns text and label.",
    configurations=(VocabularyConfig, BaggingConfig, EvaluationConfig),
    build=BagFit,
    sized=bag_sizes,
    evaluate=_score_classifier,
)
