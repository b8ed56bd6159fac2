"""How different may attention be while the answer stays? Jain & Wallace 2019, test C, per instance.

The weights are changed under a model that is held as it is; whether the model could ever attend so
is not asked. On long or confident texts nearly everything is possible: a fact about detached
weights, no evidence of its own on whether attention explains.

Besides what every record holds (see `common`):

* `attention`: the model's, one number a word; its largest feeds the bins;
* `cap`: the largest divergence that any weights attain from it, whatever the answer;
* `adversary`: for each epsilon in the order of the settings, `epsilon`, and of the first
  alternative `jsd`, its divergence from the model's attention; `upper`, which no weights with an
  answer within epsilon exceed; `bound`, what `jsd` is: `exact` (the maximum), `lower+upper`, or
  `lower` (where `upper` is the trivial cap); `tvd` between the answers; `logit_change`, by how much
  the log-odds of the predicted class change; `said`, the answer; and `weights`, for each
  alternative one number a word. They feed `adversary.instance.*`;
* `search`, only where asked for: of the field's 500-step search at the first epsilon, `feasible`,
  how many of its alternatives left the answer within epsilon; `jsd` and `tvd` of the one of these
  that diverges most, 0 where there is none. Feeds `adversary.search.*`;
* `tokens`: the words, only where text is asked for.

Divergences are in nats, between distributions over the content positions as the model reads them
(mean over heads); weights are shown summed over the positions of a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax  # type: ignore[import-untyped]

from attnaudit.audits.adversarial_weights import SLACK, Adversaries, adversaries, caps, moved
from attnaudit.audits.audit import Record
from attnaudit.audits.common import Answered, Basics, answer, words_of
from attnaudit.audits.detached import Detached
from attnaudit.audits.instance_tables import epsilons_table, search_table
from attnaudit.audits.relaxed_search import Relaxed, relaxed_search
from attnaudit.config import Settings
from attnaudit.measures.bins import quartiles_table
from attnaudit.measures.columns import Column, Frame
from attnaudit.measures.divergences import jsd
from attnaudit.measures.summary import Summary
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.records.rounding import compact

Array = NDArray[np.float64]
ALIKE = 0.01  # an alternative that diverges by less, in nats, is none
LEAST_EPSILON = 1e-5  # float32 answers cannot tell apart what is much nearer

Epsilon = Annotated[float, pydantic.Field(ge=LEAST_EPSILON, lt=1)]


class InstanceSettings(Settings):
    """What decides the result; stored with the records."""

    epsilons: tuple[Epsilon, ...] = pydantic.Field((0.01,), min_length=1)
    alternatives: int = pydantic.Field(1, ge=1)
    search: bool = False
    search_alternatives: int = pydantic.Field(5, ge=1)
    search_steps: int = pydantic.Field(500, ge=1)
    diversity: float = pydantic.Field(1.0, ge=0)
    restarts: int = pydantic.Field(1, ge=1)
    seed: int = pydantic.Field(0, ge=0)
    text: bool = False

    @pydantic.field_validator("epsilons")
    @classmethod
    def _check_different(cls, epsilons: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(epsilons)) < len(epsilons):
            raise ValueError("an epsilon stands twice")
        return epsilons


@torch.no_grad()
def instance_records(
    model: AttentionModel, known: Answered, settings: InstanceSettings
) -> list[Record]:
    """The records of a batch."""
    parts = [known]
    if not capability(model, "token_logits"):
        # A search asks for answers until the hardest text of its batch has enough: each its own.
        by_row = {i.row: i for i in known.instances}
        each = torch.arange(len(known.instances), device=known.alpha.device)
        parts = [answer(model, known.batch.select(b), by_row) for b in torch.split(each, 1)]
    made = [record for part in parts for record in _found(model, part, settings)]
    if settings.search:
        for record, entry in zip(made, _searched(model, known, settings), strict=True):
            record["search"] = entry
    return made


def _found(model: AttentionModel, known: Answered, settings: InstanceSettings) -> list[Record]:
    """The records without what the field's search finds."""
    detached = Detached.of(model, known)
    own = detached.logits(detached.own[:, None])  # (B, 1, C)
    base = detached.shown(detached.own[:, None])[:, 0]  # (B, T)
    attention = known.on_words.float().cpu().numpy()
    largest = caps(base, detached.content)
    made: list[Record] = []
    for b, n in enumerate(known.batch.word_counts.tolist()):
        record = known.record(b) | {
            "attention": compact(attention[b, :n]),
            "cap": compact([float(largest[b])])[0],
            "adversary": [],
        }
        if settings.text:
            record["tokens"] = words_of(known, b)
        made.append(record)
    for epsilon in settings.epsilons:
        found = adversaries(detached, epsilon, settings.alternatives)
        for record, entry in zip(made, _entries(detached, known, found, own), strict=True):
            record["adversary"].append({"epsilon": epsilon, **entry})
    return made


def _entries(
    detached: Detached, known: Answered, found: Adversaries, own: Array
) -> list[dict[str, Any]]:
    """What the records say of each instance for one epsilon."""
    first = detached.logits(found.weights[:, :1])[:, 0]  # (B, C)
    said = softmax(first, axis=-1)
    predicted = known.probs.argmax(1).cpu().numpy()
    change = np.abs(_log_odds(first, predicted) - _log_odds(own[:, 0], predicted))
    shown = torch.from_numpy(detached.shown(found.weights)).to(known.batch.words.device)
    by_word = [known.batch.per_word(k).cpu().numpy() for k in shown.unbind(1)]  # K of (B, W)
    made = []
    for b, n in enumerate(known.batch.word_counts.tolist()):
        figures = [found.jsd[b, 0], found.upper[b], found.tvd[b, 0], change[b]]
        names = ("jsd", "upper", "tvd", "logit_change")
        made.append(
            {"bound": found.bounds[b]}
            | dict(zip(names, compact(figures), strict=True))
            | {
                "said": compact(said[b]),
                "weights": [compact(w[b, :n]) for w in by_word[: found.counts[b]]],
            }
        )
    return made


def _log_odds(logits: Array, classes: NDArray[np.int64]) -> Array:
    """Log-odds (B,) of the given class of each row against all others; finite if logits are."""
    chosen = np.arange(logits.shape[1]) == classes[:, None]
    others: Array = logsumexp(np.where(chosen, -np.inf, logits), axis=1)
    odds: Array = logits[chosen] - others
    return odds


def _searched(
    model: AttentionModel, known: Answered, settings: InstanceSettings
) -> list[dict[str, Any]]:
    detached = Detached.of(model, known)
    own = detached.logits(detached.own[:, None])  # (B, 1, C)
    epsilon = settings.epsilons[0]
    how = Relaxed(
        settings.search_alternatives,
        settings.search_steps,
        settings.diversity,
        settings.restarts,
    )
    ids = [i.id for i in known.instances]
    weights = relaxed_search(detached, epsilon, how, ids, settings.seed)  # (B, N, H, T)
    tvd = moved(detached.logits(weights), own)  # (B, N)
    fits = tvd <= epsilon + SLACK
    apart = jsd(detached.shown(weights), detached.shown(detached.own[:, None]))
    apart = np.where(fits, apart, 0.0)
    best = apart.argmax(1)
    made = []
    for b, k in enumerate(best):
        reached, cost = compact([apart[b, k], tvd[b, k] if fits[b, k] else 0.0])
        made.append({"feasible": int(fits[b].sum()), "jsd": reached, "tvd": cost})
    return made


def instance_summary(
    records: Iterable[Mapping[str, Any]], settings: InstanceSettings, labels: Sequence[str]
) -> Summary:
    """Metrics and tables of the records alone; `labels` name the classes."""
    names = prefixes(settings.epsilons)
    figures = [f"{prefix}.{name}" for prefix in names.values() for name in FIGURES]
    if settings.search:
        figures += ["adversary.search.jsd.mean", "adversary.search.feasible"]
    basics, columns, caps_found, largest = Basics(), Frame(figures), Column(), Column()
    for record in records:
        basics.add(record)
        caps_found.add(record["cap"])
        largest.add(max(record["attention"]))
        found = [f for entry in record["adversary"] for f in _figures(entry, record["cap"])]
        if settings.search:
            search = record["search"]
            found += [search["jsd"], float(search["feasible"] > 0)]
        columns.add(found)
    bootstrap = basics.bootstrap(settings.seed)
    metrics = {**basics.model_scores(bootstrap), **bootstrap.means_by_name(columns)}
    first = columns["adversary.instance.jsd.mean"]
    title = "JSD by predicted class and largest attention weight"
    cap = float(caps_found.array().mean())
    tables = {
        "adversary.instance": epsilons_table(metrics, names, cap, ALIKE),
        "adversary.instance_bins": quartiles_table(
            title, first, largest.array(), basics.predicted, labels
        ),
    }
    if settings.search:
        jsds = columns["adversary.search.jsd.mean"]
        tables["adversary.search"] = search_table(first, jsds, settings.search_steps, metrics)
    exact = float(columns["adversary.instance.exact"].mean())
    notes = [*basics.notes(), *bootstrap.notes, *_notes(exact)]
    return Summary(metrics, tables, notes, basics.columns(columns))


FIGURES = (
    "jsd.mean",
    "relative_mean",
    "upper.mean",
    "no_alternative",
    "tvd.mean",
    "logit_change.mean",
    "exact",
)


def _figures(entry: Mapping[str, Any], cap: float) -> list[float]:
    return [
        entry["jsd"],
        entry["jsd"] / cap if cap > 0 else np.nan,
        entry["upper"],
        float(entry["upper"] < ALIKE),
        entry["tvd"],
        entry["logit_change"],
        float(entry["bound"] == "exact"),
    ]


def prefixes(epsilons: Sequence[float]) -> dict[float, str]:
    """What the metrics of each epsilon begin with; the first one's name holds no epsilon."""
    names = {epsilon: f"adversary.instance[epsilon={epsilon!r}]" for epsilon in epsilons}
    return names | {epsilons[0]: "adversary.instance"}


def _notes(exact: float) -> list[str]:
    """`exact`: on which share of the texts JSD is the maximum."""
    notes = [
        "Weights detached from the model: that others would do is a fact of geometry, which comes"
        " with length and with confidence, and no evidence of its own against attention."
    ]
    if exact < 1:
        notes.append(
            f"On {1 - exact:.0%} of the texts JSD is what a search found, a lower bound: the"
            " largest lies between it and the upper bound."
        )
    return notes
