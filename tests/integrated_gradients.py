"""How far integrated gradients are from the limit of ever finer panels, on real models.

python -m tests.integrated_gradients MODEL=DATA ... [--texts 200] [--tolerance 0.01 ...]
                                     [--markdown FILE]

Each model is measured with both of its baselines, on texts of the test split drawn at random, with
the model in float32 and texts in batches, as audits do it; beside it the 12 fixed nodes of older
versions.

The reference takes each text by itself, in float64: panels of 17 Chebyshev points, bisected until
Clenshaw-Curtis rules of 17 and 9 points agree on every word, and panels add up, to 1e-5 of the
text's largest score in all. A fixed number of nodes would be none: where a recurrent net flips from
one state to another, a thousand nodes can miss it.

Columns: tau is Kendall's, of a text's scores with those of the reference (mean, least); word is how
far the worst word of a text is off, as a share of its largest score; gap is how far the scores miss
the change of the probability (mean, most); gradients a text (mean, most); ms a gradient and a text,
of this process alone; undefined texts; and how many texts take other panels by themselves than in
their batch, with how far their scores then move, as a share of the largest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau

from attnaudit.data.batch import Batch, collate
from attnaudit.data.instance import Instance
from attnaudit.data.loading import default_split, load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.data.vocabulary import Vocabulary
from attnaudit.execution.device import prepare_cpu
from attnaudit.importance import IMPORTANCES
from attnaudit.importance.integrated_gradients import MOST, TOLERANCE
from attnaudit.importance.panels import Look, integrate
from attnaudit.importance.path_passes import Path as PathOfGradients
from attnaudit.importance.path_passes import without_words
from attnaudit.models.interface import AttentionModel
from attnaudit.models.load import find_model
from attnaudit.models.predict import Batches

Array = NDArray[np.float64]
OLD_NODES = 12
DEGREE = 16  # of the polynomial through a panel's points
FINE = 1e-5  # of the largest score: what the reference may be off, all panels together
LIMIT = 40_000  # gradients of a reference


@dataclass(frozen=True)
class Exact:
    """The reference of a text: `signed` (words,), the gradients it took, and its gap."""

    signed: Array
    gradients: int
    gap: float
    settled: bool


@dataclass(frozen=True)
class One:
    """A text, and the class whose probability is explained."""

    instance: Instance
    target: int


@dataclass
class Subject:
    """A model in float32 and in float64, and some texts."""

    name: str
    models: dict[torch.dtype, AttentionModel]
    vocabulary: Vocabulary
    texts: list[One]

    @classmethod
    def of(cls, model: Path, data: Path, texts: int, name: str = "") -> Subject:
        """So many texts of the data, drawn at random, in their order there."""
        source = find_model(str(model), 0)
        spec = load_spec(data, source.reading, source.limits)
        split = default_split(spec)
        found = load_dataset(spec, split, labels=source.labels_in(spec, split), min_words=2)
        models = {}
        for dtype in (torch.float32, torch.float64):
            loaded = find_model(str(model), 0).load(found, None, torch.device("cpu"), dtype)
            models[dtype] = loaded.model.eval().requires_grad_(False)
        count = min(texts, len(found.instances))
        drawn = np.random.default_rng(0).choice(len(found.instances), count, replace=False)
        instances = [found.instances[i] for i in sorted(drawn.tolist())]
        made = cls(name or model.name, models, loaded.spec.vocabulary, [])
        with torch.no_grad():
            for instance in instances:
                answer = made.models[torch.float32](made.batch([instance]))
                made.texts.append(One(instance, int(answer.argmax())))
        return made

    def batch(self, instances: Sequence[Instance]) -> Batch:
        """Texts as one batch."""
        boundaries = self.models[torch.float32].boundaries
        return collate(instances, self.vocabulary, boundaries=boundaries)

    def baselines(self) -> list[str]:
        """The importances that are integrals and that the model can give."""
        model = self.models[torch.float32]
        return [n for n, i in IMPORTANCES.items() if i.baseline and not i.needs(model)]

    def path(
        self, some: One | Sequence[One], name: str, dtype: torch.dtype = torch.float32
    ) -> PathOfGradients:
        """The path of the importance `name`, of a text or of several in one batch."""
        ones = [some] if isinstance(some, One) else some
        model, batch = self.models[dtype], self.batch([one.instance for one in ones])
        token = {
            "integrated_gradients": None,
            "integrated_gradients_unknown": model.unknown_token,
            "integrated_gradients_mask": model.mask_token,
        }[name]
        target = torch.tensor([one.target for one in ones])
        return PathOfGradients(model, batch, target, without_words(model, batch, token))

    def parts(self) -> Iterator[list[int]]:
        """The places of the texts that share a batch in an audit of them."""
        device = torch.device("cpu")
        boundaries = self.models[torch.float32].boundaries
        texts = [one.instance for one in self.texts]
        for group in Batches(texts, self.vocabulary, boundaries, device).groups:
            yield group.tolist()


# ---------------------------------------------------------------- the reference


@cache
def _clenshaw(degree: int) -> tuple[Array, Array]:
    """Points and weights (degree + 1,) on [0, 1], by integrating the Chebyshev polynomials."""
    k = np.arange(degree + 1)
    points = (1 - np.cos(np.pi * k / degree)) / 2
    chebyshev = np.cos(np.pi * np.outer(k, k) / degree)  # row k: T_k at the points
    moments = np.where(k % 2 == 0, 2.0 / (1 - k.astype(float) ** 2 + (k == 1)), 0.0)
    return points, np.linalg.solve(chebyshev, moments) / 2


def reference_of(look: Look) -> Exact:
    """The integral of one text to `FINE` of its largest score."""
    x, fine = _clenshaw(DEGREE)
    rough = np.zeros_like(fine)
    rough[::2] = _clenshaw(DEGREE // 2)[1]
    todo = [(k / 4, (k + 1) / 4) for k in range(4)]
    done: list[tuple[float, float, float, Array]] = []  # error, start, end, integral
    spent, ends = 0, {}
    while True:
        places = np.concatenate([a + (b - a) * x for a, b in todo])
        points = look(np.zeros(len(places), np.int64), places)
        spent += len(places)
        shape = (len(todo), DEGREE + 1)
        terms, output = points.terms.reshape(*shape, -1), points.output.reshape(shape)
        for (a, b), f, p in zip(todo, terms, output, strict=True):
            integral = (b - a) * (fine @ f)
            ends[a], ends[b] = p[0], p[-1]
            words = float(np.abs((b - a) * ((fine - rough) @ f)).max())
            error = max(words, abs(float(integral.sum() - (p[-1] - p[0]))))
            done.append((error, a, b, integral))
        signed = np.sum([integral for _, _, _, integral in done], axis=0)
        allowed = FINE * float(np.abs(signed).max())
        gap = abs(float(signed.sum() - (ends[1.0] - ends[0.0])))
        settled = sum(error for error, *_ in done) <= allowed
        if settled or spent > LIMIT:
            return Exact(signed, spent, gap, settled)
        bad = [q for q in done if q[0] > allowed / len(done) / 2]
        done = [q for q in done if q[0] <= allowed / len(done) / 2]
        todo = [half for _, a, b, _ in bad for half in ((a, (a + b) / 2), ((a + b) / 2, b))]


# ---------------------------------------------------------------- what is measured


@dataclass(frozen=True)
class Scheme:
    """Signed scores of some texts (N, W), the gradients and whether defined (N,)."""

    signed: Array
    gradients: NDArray[np.int64]
    gap: Array
    settled: NDArray[np.bool_]


def fixed(path: PathOfGradients) -> Scheme:
    """Gauss-Legendre quadrature of 12 nodes, as older versions had it."""
    nodes, weights = np.polynomial.legendre.leggauss(OLD_NODES)
    n = len(path.batch)
    every, ones = np.arange(n), np.ones(n)
    signed = sum(
        w / 2 * path.look(every, ones * (x + 1) / 2).terms
        for x, w in zip(nodes, weights, strict=True)
    )
    assert isinstance(signed, np.ndarray)
    change = path.look(every, ones).output - path.look(every, 0 * ones).output
    gap = np.abs(signed.sum(1) - change)
    return Scheme(signed, np.full(n, OLD_NODES), gap, np.ones(n, bool))


def adaptive(tolerance: float) -> Callable[[PathOfGradients], Scheme]:
    """The tool's own, to a tolerance."""

    def scheme(path: PathOfGradients) -> Scheme:
        found = integrate(
            path.look, len(path.batch), tolerance=tolerance, most=MOST, rounding=path.rounding
        )
        return Scheme(found.signed, found.gradients, found.gap, found.settled)

    return scheme


HEAD = (
    *("model", "baseline", "texts", "scheme", "tau", "least", "word", "worst", "gap", "most"),
    *("gradients", "most", "ms/gradient", "ms/text", "undefined", "other panels", "moves"),
)


def measure(
    subject: Subject, name: str, exact: Sequence[Exact], scheme: Callable[..., Scheme], title: str
) -> list[str]:
    """A row of the table."""
    texts, began = len(subject.texts), time.process_time()
    taus, words, gaps = np.zeros(texts), np.zeros(texts), np.zeros(texts)
    gradients, settled = np.zeros(texts, np.int64), np.zeros(texts, bool)
    rows: dict[int, Array] = {}
    for part in subject.parts():
        found = scheme(subject.path([subject.texts[i] for i in part], name))
        for k, i in enumerate(part):
            rows[i] = found.signed[k, : len(exact[i].signed)]
            gradients[i], settled[i], gaps[i] = found.gradients[k], found.settled[k], found.gap[k]
    took = 1000 * (time.process_time() - began)
    other, moves = 0, 0.0
    for i, one in enumerate(subject.texts):
        truth, row = exact[i].signed, rows[i]
        largest = np.abs(truth).max() or 1.0
        taus[i] = kendalltau(np.abs(row), np.abs(truth)).statistic
        words[i] = np.abs(row - truth).max() / largest
        if title != "12 nodes" and i % 5 == 0:
            alone = scheme(subject.path(one, name))
            other += int(alone.gradients[0] != gradients[i])
            moves = max(moves, float(np.abs(alone.signed[0] - row).max() / largest))
    there = settled & np.isfinite(taus)
    checked = f"{other}/{len(range(0, texts, 5))}"
    return [
        *(subject.name, str(IMPORTANCES[name].baseline), f"{texts:,}", title),
        *(f"{taus[there].mean():.5f}", f"{taus[there].min():.4f}"),
        *(f"{words[there].mean():.1e}", f"{words[there].max():.1e}"),
        *(f"{gaps[there].mean():.1e}", f"{gaps[there].max():.1e}"),
        *(f"{gradients.mean():.1f}", f"{gradients.max()}"),
        *(f"{took / gradients.sum():.2f}", f"{took / texts:.1f}", f"{(~settled).sum()}"),
        *(("", "") if title == "12 nodes" else (checked, f"{moves:.1e}")),
    ]


def table(subject: Subject, tolerances: Sequence[float]) -> Iterator[list[str]]:
    """The rows of a model."""
    for name in subject.baselines():
        exact = []
        for one in subject.texts:
            exact.append(reference_of(subject.path(one, name, torch.float64).look))
        unsettled = sum(not e.settled for e in exact)
        sys.stderr.write(
            f"{subject.name}, {name}: the reference took"
            f" {np.mean([e.gradients for e in exact]):.0f} gradients a text,"
            f" gap at most {max(e.gap for e in exact):.1e}, {unsettled} not settled\n"
        )
        yield measure(subject, name, exact, fixed, "12 nodes")
        for tolerance in tolerances:
            yield measure(subject, name, exact, adaptive(tolerance), f"panels, {tolerance:g}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table as the arguments ask for it."""
    about, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="python -m tests.integrated_gradients", description=about)
    parser.add_argument("pairs", nargs="+", metavar="MODEL=DATA")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--tolerance", type=float, nargs="+", default=[TOLERANCE])
    parser.add_argument("--markdown", type=Path, help="write the table there too")
    asked = parser.parse_args(arguments)
    prepare_cpu(1)
    lines = []

    def say(cells: Sequence[str]) -> None:
        lines.append(f"| {' | '.join(cells)} |")
        sys.stdout.write(lines[-1] + "\n")
        sys.stdout.flush()
        if asked.markdown:
            asked.markdown.write_text("\n".join(lines) + "\n", encoding="utf-8")

    say(HEAD)
    say(["---"] * len(HEAD))
    for pair in asked.pairs:
        model, _, data = pair.partition("=")
        where = Path(model)
        name = where.parent.name if where.suffix == ".pt" else where.name
        for row in table(Subject.of(where, Path(data), asked.texts, name), asked.tolerance):
            say(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
