"""captum, where it is installed, and our gradients against it.

captum is handed the plain network, `torch.nn.LSTM` or what transformers gives, and texts sorted by
length; of the ways to call it (how many texts, how many rows of steps at a time) the fastest here
is found first, on a few texts, and that one is timed. Ours makes records.

Integrated gradients are compared at equal accuracy: captum's user asks for 12 steps, looks at its
convergence delta, and asks for twice as many wherever it exceeds the tolerance that ours keeps to.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnaudit.data.batch import Batch, collate
from attnaudit.importance.integrated_gradients import MOST, TOLERANCE
from attnaudit.models.classic.classifier import ClassicModel
from tests.benchmarks.alike import alike, equal
from tests.benchmarks.case import AbsentError, Benchmark, Build, Case, Rival, Side, Target
from tests.benchmarks.researcher import Plain
from tests.benchmarks.subjects import Scores, Subject, bert_on_sst2, lengths_of, plain_bert

FIRST = 12  # steps that captum is asked for first
EQUAL = "captum, steps doubled until it converges"
SALIENCY = "captum InputXGradient"
ROWS = (None, 64, 256)  # internal_batch_size
TEXTS = (1, 8, 32)  # texts a call
FEW = 8  # texts that the best way is found with


def attributions() -> Any:
    """captum.attr; raises AbsentError where captum is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import captum.attr
    except ImportError as error:
        raise AbsentError("needs captum: pip install 'attnaudit[bench]'") from error
    return captum.attr


@dataclass(frozen=True)
class Given:
    """A batch as captum takes it: embeddings (B, T, D), lengths and classes (B,)."""

    batch: Batch
    embeddings: Tensor
    baselines: Tensor
    lengths: Tensor
    target: Tensor

    def rows(self, some: Tensor) -> Given:
        """Some texts of the batch."""
        width = int(self.lengths[some].max())
        return Given(
            self.batch.select(some),
            self.embeddings[some, :width],
            self.baselines[some, :width],
            self.lengths[some],
            self.target[some],
        )


class Network:
    """A plain network that starts from word embeddings."""

    def __init__(self, subject: Subject, toy: bool) -> None:
        self.subject = subject
        self._lstm: Plain | None = None
        self._bert: Any = None
        if isinstance(subject.model, ClassicModel):
            self._lstm = Plain.like(subject.model).requires_grad_(False)
        else:
            self._bert = plain_bert(toy)

    def forward(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """Probabilities (B, C) of texts of these embeddings (B, T, D) and lengths (B,)."""
        if self._lstm:
            width = int(lengths.max())
            p = self._lstm.from_embeddings(embeddings[:, :width], lengths)
            return torch.stack([1 - p, p], dim=1)
        mask = torch.arange(embeddings.shape[1]) < lengths.unsqueeze(1)
        said = self._bert(inputs_embeds=embeddings, attention_mask=mask.long())
        probabilities: Tensor = said.logits.softmax(-1)
        return probabilities

    def given(self, texts: int, few: int | None = None) -> Iterator[Given]:
        """The texts, sorted by length, so many at a time, with the classes that are predicted.

        Or a few of them, spread over all lengths.
        """
        ordered = sorted(self.subject.instances, key=lambda i: len(i.tokens))
        if few is not None:
            ordered = ordered[:: max(1, len(ordered) // few)]
        vectors = self._lstm.embedding if self._lstm else self._bert.get_input_embeddings()
        for start in range(0, len(ordered), texts):
            batch = collate(
                ordered[start : start + texts],
                self.subject.vocabulary,
                boundaries=self.subject.model.boundaries,
            )
            with torch.no_grad():
                embeddings, lengths = vectors(batch.ids), batch.mask.sum(1)
                target = self.forward(embeddings, lengths).argmax(1)
            without = embeddings.masked_fill(batch.content.unsqueeze(-1), 0)
            yield Given(batch, embeddings, without, lengths, target)


class Task:
    """Ours and captum's, on one subject."""

    def __init__(self, subject: Subject, toy: bool) -> None:
        self.subject, self.network, self.captum = subject, Network(subject, toy), attributions()
        self.toy = toy
        self._best: dict[str, tuple[int, int | None]] = {}

    def saliency(self, texts: int, rows: int | None, few: int | None = None) -> Scores:
        """captum's gradient times input, through everything; `rows` means nothing here."""
        found = []
        for given in self.network.given(texts, few):
            attributed = self.captum.InputXGradient(self.network.forward).attribute(
                given.embeddings.clone().requires_grad_(),
                target=given.target,
                additional_forward_args=(given.lengths,),
            )
            found.append((given.batch, _per_word(given, attributed)))
        return self._by_row(found)

    def integrated(self, texts: int, rows: int | None, few: int | None = None) -> Scores:
        """captum's integrated gradients, each text with as many steps as it needs.

        Of a few texts with those alone that it is asked for first: enough to compare ways.
        """
        found = []
        for given in self.network.given(texts, few):
            values, delta = self._attribute(given, FIRST, rows)
            steps = 2 * FIRST
            while few is None and steps <= MOST:
                apart = delta.abs() > TOLERANCE * values.abs().amax(1)
                if not apart.any():
                    break
                rest = apart.nonzero().squeeze(1)
                more, delta[rest] = self._attribute(given.rows(rest), steps, rows)
                values[rest, : more.shape[1]] = more
                steps *= 2
            found.append((given.batch, values.abs().numpy()))
        return self._by_row(found)

    def _attribute(self, given: Given, steps: int, rows: int | None) -> tuple[Tensor, Tensor]:
        attributed, delta = self.captum.IntegratedGradients(self.network.forward).attribute(
            given.embeddings,
            baselines=given.baselines,
            target=given.target,
            additional_forward_args=(given.lengths,),
            n_steps=steps,
            internal_batch_size=rows,
            return_convergence_delta=True,
        )
        return given.batch.per_word(attributed.sum(-1).detach().float()), delta.detach().float()

    def best(self, work: Callable[..., Scores], ways: Sequence[tuple[int, int | None]]) -> Scores:
        """`work` in the fastest of some ways, which a few texts have shown the first time."""
        name = work.__name__
        if name not in self._best:
            spent = {}
            for way in ways if not self.toy else ways[:1]:
                start = time.process_time()
                work(*way, few=FEW)
                spent[way] = time.process_time() - start
            self._best[name] = min(spent, key=lambda way: spent[way])
        return work(*self._best[name])

    def _by_row(self, found: Sequence[tuple[Batch, NDArray[np.float32]]]) -> Scores:
        batches, values = zip(*found, strict=True)
        return self.subject.by_row(batches, values)


def _per_word(given: Given, attributed: Tensor) -> NDArray[np.float32]:
    return given.batch.per_word(attributed.detach().sum(-1).float()).abs().numpy()


def _integrated(subject: Subject, toy: bool, target: float | None) -> Case:
    task, count = Task(subject, toy), len(subject.instances)
    ways = [(texts, rows) for texts in TEXTS for rows in (ROWS if texts > 1 else (None,))]
    return Case(
        size={"instances": count},
        unit="text",
        ours=Side(lambda: subject.importance("integrated_gradients"), count),
        rivals={EQUAL: Rival(lambda: task.best(task.integrated, ways), count, agree=equal(5e-2))},
        targets=() if target is None else (Target(f"ratio: {EQUAL}", target),),
        rounds=3,
        same=alike(1e-4),
    )


def _saliency(subject: Subject, toy: bool) -> Case:
    task, count = Task(subject, toy), len(subject.instances)
    ways: list[tuple[int, int | None]] = [(texts, None) for texts in TEXTS]
    return Case(
        size={"instances": count},
        unit="text",
        ours=Side(lambda: subject.importance("gradient_flowing"), count),
        rivals={SALIENCY: Rival(lambda: task.best(task.saliency, ways), count, agree=equal(1e-5))},
        same=alike(1e-5),
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """Both models, both methods, texts of mixed lengths."""

    def lstm() -> Subject:
        lengths = [3, 5, 4] if toy else lengths_of("sst2", 64)
        return Subject.of_bilstm(lengths, toy)

    def transformer() -> Subject:
        return bert_on_sst2(4 if toy else 32, toy)

    return {
        "BiLSTM, integrated gradients": lambda: _integrated(lstm(), toy, None),
        "BiLSTM, saliency": lambda: _saliency(lstm(), toy),
        "BERT, integrated gradients": lambda: _integrated(transformer(), toy, 1.3),
        "BERT, saliency": lambda: _saliency(transformer(), toy),
    }


GRADIENTS = Benchmark("gradients", "gradients at the word embeddings, against captum", cases)
