"""Fitting a bag of words to texts and labels: logistic regression by scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags_array, hstack
from sklearn.linear_model import LogisticRegression

from models.counted.bag_of_words import Bag, BagConfig
from models.counted.grams import UNSEEN, Ids, contexts_of
from models.counted.ngram import Reals
from models.model import Model
from models.runtime.counted import BagClassifier
from models.text.tokenizers import Tokenizer
from trainer.evaluation.classification import calibration_notes, classify_all
from trainer.tasks.configs import BaggingConfig
from trainer.tasks.ngram import describe_grams
from trainer.tasks.training import Fit, Material


@dataclass(frozen=True)
class BagFit(Fit):
    """Fits a bag. All is in memory together: about 40 bytes for each different n-gram of each text."""

    material: Material

    def fit(self) -> tuple[Model, dict[str, Any], str]:
        material, corpus = self.material, self.material.corpus
        valid = material.labelled_valid
        texts = [corpus.columns[0][row].tolist() for row in range(len(corpus.labels))]
        labels = [corpus.label_names[label] for label in corpus.labels]
        model = fit(texts, labels, material.tokenizer.size, material.settings.make(BaggingConfig))
        return model, calibrate(model, material.tokenizer, valid), describe_grams(model.config.grams)


def fit(texts: Sequence[Sequence[int]], labels: Sequence[str], vocabulary: int, config: BaggingConfig) -> Bag:
    """Fit a bag to texts, ids each, and their labels, of which there are two or more."""
    names = sorted(set(labels))
    keys, features = _count(texts, vocabulary, config)
    targets = np.array([names.index(label) for label in labels])
    model = Bag(BagConfig(vocabulary, tuple(names), config.order, tuple(len(table) for table in keys)))
    if len(names) == 2:  # one regression is enough: its logit is the difference of the two
        column, bias = _regress(features, targets == 1, config)
        columns, biases = [-column / 2, column / 2], [-bias / 2, bias / 2]
    else:
        fitted = [_regress(features, targets == label, config) for label in range(len(names))]
        columns, biases = [column for column, _ in fitted], [bias for _, bias in fitted]
    weights = torch.from_numpy(np.stack(columns, axis=1)).float()  # (G, C), one length after the other
    model.bias.copy_(torch.tensor(biases))
    for length, part in enumerate(torch.split(weights, [vocabulary, *model.config.grams]), 1):
        getattr(model, f"weights_{length}").copy_(part)
    for length, table in enumerate(keys, 2):
        getattr(model, f"keys_{length}").copy_(torch.from_numpy(table))
    return model


def _count(texts: Sequence[Sequence[int]], vocabulary: int, config: BaggingConfig) -> tuple[list[Ids], csr_matrix]:
    """The keys of n-grams of 2, 3, … tokens, and the features (texts, G): 1 where a text has an n-gram of 1, 2, 3, …"""
    ids = np.concatenate([np.array(text, np.int64) for text in texts])
    text_of = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    begins = np.concatenate([[True], text_of[1:] != text_of[:-1]]) if len(ids) else np.zeros(0, bool)
    keys: list[Ids] = []
    features: list[csr_matrix] = []
    nodes, known = ids, vocabulary
    for length in range(1, config.order + 1):
        if length > 1:
            contexts = contexts_of(nodes, begins)
            grams = (contexts * vocabulary + ids)[contexts != UNSEEN]
            table, inverse = np.unique(grams, return_inverse=True)
            pairs = np.unique(inverse * len(texts) + text_of[contexts != UNSEEN])
            frequent = np.bincount(pairs // len(texts), minlength=len(table)) >= config.min_df
            keys.append(table[frequent])
            index = np.where(frequent, np.cumsum(frequent) - 1, UNSEEN)
            nodes = np.full(len(ids), UNSEEN)
            nodes[contexts != UNSEEN] = index[inverse]
            known = len(keys[-1])
        seen = nodes != UNSEEN
        pairs = np.unique(text_of[seen] * known + nodes[seen])
        shape = (len(texts), known)
        features.append(csr_matrix((np.ones(len(pairs)), (pairs // known, pairs % known)), shape=shape))
    if config.min_df > 1:
        frequent = np.asarray(features[0].sum(axis=0)).ravel() >= config.min_df
        features[0] = features[0] @ diags_array(frequent.astype(float))
    return keys, hstack(features, format="csr")


def _regress(features: csr_matrix, positive: Any, config: BaggingConfig) -> tuple[Reals, float]:
    """Weights (G,) and bias of a logistic regression that separates the positive texts (R,) from the others.

    Each feature is scaled by its log-count ratio of positive over negative texts (with add-one smoothing); the weights
    returned include that scale, so that they apply to the features as they are.
    """
    positives, negatives = (1 + np.asarray(features[rows].sum(axis=0)).ravel() for rows in (positive, ~positive))
    ratio = np.log(positives / positives.sum()) - np.log(negatives / negatives.sum())
    regression = LogisticRegression(
        C=config.regularization_c, solver="liblinear", dual=True, max_iter=1000, random_state=1
    )
    regression.fit(features @ diags_array(ratio), positive)
    return regression.coef_[0] * ratio, float(regression.intercept_[0])


def calibrate(model: Bag, tokenizer: Tokenizer, valid: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Divide a model's weights by the temperature that calibrates it on the validation texts; return what to record."""
    texts = [tokenizer.encode(text) or [tokenizer.end_id] for text, _ in valid]
    targets = torch.tensor([model.config.labels.index(label) for _, label in valid])
    notes = calibration_notes(classify_all(BagClassifier(model), texts), targets)
    for name, table in model.named_buffers():
        if not name.startswith("keys"):
            table.div_(notes["temperature"])
    return {"calibration": notes}
