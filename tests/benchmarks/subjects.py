"""The models and texts that benchmarks run on."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from attnaudit.data.batch import Batch
from attnaudit.data.dataset import Dataset
from attnaudit.data.instance import Instance
from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import DatasetSpec
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.observer import Silent
from attnaudit.models.classic.classifier import ClassicModel, Recipe, build_classic
from attnaudit.models.interface import AttentionModel, ModelSpec
from attnaudit.models.predict import Batches
from attnaudit.questions import find_question
from tests.benchmarks.case import AbsentError
from tests.benchmarks.researcher import BATCH

SHARED = Path(__file__).parents[2].parent / "shared"  # real data, which the repository lacks
CPU = torch.device("cpu")
WORDS = tuple(f"w{i}" for i in range(2000))
Scores = NDArray[np.float64]
Record = dict[str, Any]


def shared(*parts: str) -> Path:
    """A path below the folder of real data; raises AbsentError where it is not there."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        raise AbsentError(f"needs shared/{'/'.join(parts)}, which is not here")
    return path


def lengths_of(dataset: str, count: int) -> list[int]:
    """The lengths of the first texts of a data set's test split, in the order of the data.

    Texts of one word are left out, as the audits leave them out.
    """
    with shared("data", dataset, "test.jsonl").open() as rows:
        lengths = (len(json.loads(row)["text"].split()) for row in rows)
        return list(itertools.islice((n for n in lengths if n > 1), count))


def texts(lengths: Iterable[int], words: Sequence[str] = WORDS, seed: int = 0) -> list[Instance]:
    """Random texts of these lengths, with labels that mean nothing."""
    chance = random.Random(seed)
    return [
        Instance(
            id=str(row),
            row=row,
            line=row + 1,
            tokens=tuple(chance.choices(words, k=n)),
            words=tuple(range(n)),
            label=row % 2,
            query=None,
            rationale=None,
            group=None,
            truncated=False,
        )
        for row, n in enumerate(lengths)
    ]


def bilstm(
    toy: bool, pointed: bool = False, classes: int = 2, words: Sequence[str] = WORDS
) -> ClassicModel:
    """An untrained BiLSTM classifier: embedding 300, hidden 128 per direction; tiny if `toy`.

    `pointed` gives it what training would: attention with a few large weights, and tokens that
    would answer differently.
    """
    recipe = Recipe(embedding=6, hidden=4) if toy else Recipe()
    labels = ("negative", "positive") if classes == 2 else tuple(f"c{i}" for i in range(classes))
    spec = ModelSpec(Vocabulary(words), labels)
    model = build_classic(recipe, spec, seed=0).eval().requires_grad_(False)
    if pointed:
        model.attention.score.weight.mul_(40)  # type: ignore[union-attr, operator]
        model.output.weight.mul_(20)  # type: ignore[union-attr, operator]
    return model


class Subject:
    """A model with texts: all batches that an audit would make of them, and how it answers."""

    def __init__(
        self, model: AttentionModel, vocabulary: Vocabulary, instances: Sequence[Instance]
    ) -> None:
        self.model, self.vocabulary, self.instances = model, vocabulary, instances
        self.work = Batches(instances, vocabulary, model.boundaries, CPU)
        self.batches = list(self.work)

    @classmethod
    def of_bilstm(
        cls, lengths: Iterable[int], toy: bool, pointed: bool = False, classes: int = 2
    ) -> Subject:
        """Random texts of these lengths, for a BiLSTM."""
        model = bilstm(toy, pointed, classes)
        return cls(model, model.spec.vocabulary, texts(lengths))

    @property
    def words(self) -> int:
        """How many words there are in all texts."""
        return sum(i.words[-1] + 1 for i in self.instances)

    def records(self, question: str, **settings: Any) -> list[Record]:
        """What a question records of the texts, in their order: from token ids to the records.

        It is what every run of the program does between loading and summing up.
        """
        found = find_question(question)
        settled = found.maker.settle(found.settings(**settings), self.model)
        assert found.maker.records is not None
        parts = found.maker.records(self.model, self.work, settled, Silent())
        return sorted((record for part in parts for record in part), key=lambda r: r["row"])

    def importance(self, measure: str) -> Scores:
        """One importance of all words, as `correlate` records it: (texts, words)."""
        made = self.records("correlate", measures=(measure,))
        widest = max(i.words[-1] for i in self.instances) + 1
        scores = np.zeros((len(made), widest))
        for row, record in enumerate(made):
            given = record["importance"][measure]
            scores[row, : len(given)] = given
        return scores

    def by_length(self) -> list[Sequence[Instance]]:
        """The texts as Jain & Wallace's code takes them: sorted by length, 32 at a time."""
        ordered = sorted(self.instances, key=lambda i: len(i.tokens))
        return [ordered[i : i + BATCH] for i in range(0, len(ordered), BATCH)]

    def by_row(self, batches: Iterable[Batch], found: Iterable[NDArray[np.float32]]) -> Scores:
        """Scores (B, W) of batches as one array (texts, words), 0 beyond the last word."""
        widest = max(i.words[-1] for i in self.instances) + 1
        scores = np.zeros((len(self.instances), widest))
        for batch, values in zip(batches, found, strict=True):
            scores[batch.rows.numpy(), : values.shape[1]] = values
        return scores


def bert(toy: bool) -> tuple[AttentionModel, Vocabulary]:
    """minilm-sst2, or a tiny random BERT; raises AbsentError where the former is not there."""
    from attnaudit.models.load import find_model

    if toy:
        return _tiny_bert()
    source = find_model(str(shared("models", "minilm-sst2")), 0)
    data = _sentences(source.reading, source.labels, 8)
    loaded = source.load(data, None, CPU, torch.float32)
    return loaded.model, loaded.spec.vocabulary


def plain_bert(toy: bool) -> Any:
    """The same network as transformers gives it, which is what a researcher's loop runs."""
    from transformers import AutoModelForSequenceClassification

    from attnaudit.models.transformer.quiet import quiet_loading

    if toy:
        return _tiny_network().eval().requires_grad_(False)
    with quiet_loading():
        network = AutoModelForSequenceClassification.from_pretrained(
            shared("models", "minilm-sst2"), dtype=torch.float32
        )
    return network.eval().requires_grad_(False)


def bert_on_sst2(count: int, toy: bool) -> Subject:
    """The first sentences of sst2's test split, in their order; random ones for a toy."""
    model, vocabulary = bert(toy)
    if toy:
        chance = random.Random(0)
        some = texts([chance.randint(3, 7) for _ in range(count)], [f"w{i}" for i in range(25)])
        return Subject(model, vocabulary, some)
    from attnaudit.models.load import find_model

    source = find_model(str(shared("models", "minilm-sst2")), 0)
    return Subject(model, vocabulary, _sentences(source.reading, source.labels, count).instances)


def bert_on_pieces(count: int, pieces: int, toy: bool) -> Subject:
    """Random texts that all are so many pieces long, [CLS] and [SEP] counted, each a word."""
    model, vocabulary = bert(toy)
    known = [word for word in vocabulary.words if word.isalnum() and not word.startswith("[")]
    return Subject(model, vocabulary, texts([pieces - 2] * count, known))


def _sentences(reading, labels, limit: int) -> Dataset:  # type: ignore[no-untyped-def]
    fields = {name: getattr(reading, name) for name in type(reading).model_fields}
    spec = DatasetSpec(file=shared("data", "sst2", "test.jsonl"), **fields)
    return load_dataset(spec, "all", labels=labels, limit=limit)


def _tiny_network() -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=30,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=16,
        max_position_embeddings=40,
        initializer_range=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return BertForSequenceClassification(config)


def _tiny_bert() -> tuple[AttentionModel, Vocabulary]:
    from attnaudit.data.pieces import Frame, Pieces
    from attnaudit.models.transformer.classifier import TransformerClassifier
    from attnaudit.models.transformer.interception import register
    from attnaudit.models.transformer.loading import example_batch

    ids = {name: i for i, name in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))}
    ids |= {f"w{i}": len(ids) + i for i in range(25)}
    single, pair = Frame((2,), (), (3,)), Frame((2,), (3,), (3,), (0, 0, 0, 1, 1))
    vocabulary = Pieces(ids, single, pair, pad=0, unknown=1, mask=4)
    network = _tiny_network()
    network.set_attn_implementation(register())
    model = TransformerClassifier(network, example_batch(vocabulary), vocabulary.mask)
    return model.eval().requires_grad_(False), vocabulary
