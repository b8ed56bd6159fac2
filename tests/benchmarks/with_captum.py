"""captum, where it is installed, and our gradients against it.

captum is handed the same steps of the same models as ours, so that only what it does itself
counts.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.importance.gradient_passes import gradients
from attnaudit.importance.integrated_gradients import MOST, TOLERANCE
from attnaudit.importance.path_passes import integrated_gradients
from tests.benchmarks.case import AbsentError, Benchmark, Build, Case, Rival, Side
from tests.benchmarks.subjects import Scores, Subject, bert_on_sst2, equal, lengths_of

STEPS = 50  # the default of captum
DEFAULT = f"captum, its {STEPS} steps"
SALIENCY = "captum Saliency, twice"


def attributions() -> Any:
    """captum.attr; raises AbsentError where captum is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import captum.attr
    except ImportError as error:
        raise AbsentError("needs captum: pip install 'attnaudit[bench]'") from error
    return captum.attr


class Task:
    """Batches with the class that is explained in each text."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.model = subject, subject.model
        self.captum = attributions()
        self.todo = []
        with torch.no_grad():
            for batch in subject.batches:
                self.todo.append((batch, self.model(batch).argmax(1)))

    def integrated(self) -> Scores:
        """Ours."""
        found = []
        for part in self.todo:
            given = integrated_gradients(self.model, *part, tolerance=TOLERANCE, most=MOST)
            found.append(abs(given.signed))
        return self.subject.by_row(self.subject.batches, found)

    def captum_integrated(self, steps: int) -> Scores:
        """captum's, on the same path: from no word vectors to those of the text."""
        found = []
        for batch, target in self.todo:
            embeddings = self.model.embed(batch).detach()
            given = self.captum.IntegratedGradients(_answers(self.model, batch)).attribute(
                embeddings,
                baselines=embeddings.masked_fill(batch.content.unsqueeze(-1), 0),
                target=target,
                n_steps=steps,
                additional_forward_args=(torch.arange(len(batch)),),
            )
            found.append(batch.per_word(given.sum(-1)).abs().detach().numpy())
        return self.subject.by_row(self.subject.batches, found)

    def flowing(self) -> Scores:
        """Ours: the gradient through everything, of the three that are computed together."""
        found = [gradients(self.model, *part)["gradient_flowing"].numpy() for part in self.todo]
        return self.subject.by_row(self.subject.batches, found)

    def captum_saliency(self) -> Scores:
        """captum's: through everything, and with the attention held fixed; the former is given."""
        found = []
        for batch, target in self.todo:
            rows = torch.arange(len(batch))
            for detached in (True, False):
                embeddings = self.model.embed(batch).detach().requires_grad_()
                saliency = self.captum.Saliency(_answers(self.model, batch, detached))
                given = saliency.attribute(
                    embeddings, target=target, abs=False, additional_forward_args=(rows,)
                )
            times = (given * embeddings).sum(-1).detach()
            found.append(batch.per_word(times).abs().numpy())
        return self.subject.by_row(self.subject.batches, found)


def _answers(model: Any, batch: Batch, detached: bool = False) -> Any:
    """From embeddings (N, T, D), of the texts `rows` (N,), to probabilities (N, C)."""

    def forward(embeddings: Tensor, rows: Tensor) -> Tensor:
        encoded = model.encode(batch.select(rows), embeddings)
        alpha = model.attend(encoded)
        if detached:
            alpha = alpha.detach()
        return model.read(encoded, alpha.unsqueeze(1)).squeeze(1).softmax(-1)

    return forward


def _integrated(subject: Subject) -> Case:
    """Against captum with the steps that it takes by default, of whichever text."""
    task, count = Task(subject), len(subject.instances)
    return Case(
        size={"instances": count},
        unit="text",
        ours=Side(task.integrated, count),
        rivals={DEFAULT: Rival(lambda: task.captum_integrated(STEPS), count, agree=equal(2e-2))},
        rounds=3,
    )


def _saliency(subject: Subject) -> Case:
    task, count = Task(subject), len(subject.instances)
    return Case(
        size={"instances": count},
        unit="text",
        ours=Side(task.flowing, count),
        rivals={SALIENCY: Rival(task.captum_saliency, count, agree=equal(1e-5))},
    )


def cases(toy: bool) -> Mapping[str, Build]:
    """Both models, both methods."""

    def lstm() -> Subject:
        lengths = [3, 5, 4] if toy else lengths_of("sst2", 64)
        return Subject.of_bilstm(lengths, toy)

    def transformer() -> Subject:
        return bert_on_sst2(4 if toy else 32, toy)

    return {
        "BiLSTM, integrated gradients": lambda: _integrated(lstm()),
        "BiLSTM, saliency": lambda: _saliency(lstm()),
        "BERT, integrated gradients": lambda: _integrated(transformer()),
        "BERT, saliency": lambda: _saliency(transformer()),
    }


GRADIENTS = Benchmark("gradients", "gradients at the word embeddings, against captum", cases)
