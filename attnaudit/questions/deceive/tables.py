"""The tables of `deceive`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from attnaudit.measures.summary import Cell, Estimate, Table
from attnaudit.questions.deceive.gathered import FLOOR, Gathered
from attnaudit.questions.deceive.verdict import IN_WORDS, Verdict
from attnaudit.questions.runs import BASE, Kind
from attnaudit.wording import percent

VERDICTS = "deceive.verdicts"
MASS, USE = "attention", "use (TVD)"
_OF_HEADS = {"mean": "the mean of the heads", "max": "that of the head that has most"}


def tables(
    found: Gathered,
    kinds: Mapping[str, Kind],
    names: Mapping[str, str],
    metrics: Mapping[str, Estimate],
    verdicts: Mapping[str, Verdict],
) -> dict[str, Table]:
    """All tables by name; `kinds` and `names` are those of rows: what is meant, and its metrics."""
    return {
        VERDICTS: _verdicts(found, kinds, names, metrics, verdicts),
        "deceive.scores": _scores(found, kinds, names, metrics),
        "deceive.uses": _uses(found, kinds, names, metrics),
        "deceive.runs": _runs(found, kinds),
    }


def _verdicts(
    found: Gathered,
    kinds: Mapping[str, Kind],
    names: Mapping[str, str],
    metrics: Mapping[str, Estimate],
    verdicts: Mapping[str, Verdict],
) -> Table:
    rows: list[list[Cell]] = []
    for called, name in names.items():
        mass, use = metrics[f"{name}.mass"], metrics[f"{name}.use"]
        rows.append(
            [
                called,
                IN_WORDS[verdicts[called].status],
                len(found.seeds(kinds[called])),
                *(mass.value, mass.ci_low, mass.ci_high),
                *(use.value, use.ci_low, use.ci_high),
            ]
        )
    limits = found.settings
    notes = [
        f"{MASS}: the share of the attention on the impermissible words,"
        f" {_OF_HEADS[limits.heads]}. use: how much farther the answers move without these words"
        " than without as many other words. Intervals (95 %) are over texts that have such words"
        " and, where models were trained, over seeds.",
        f"The words are {percent(metrics['deceive.places'].value or 0.0, 1)} of the text. About"
        " as much attention is no highlight.",
        f"The words are hidden if the interval of the attention lies below {limits.most_mass:g},"
        f" and shown if it lies above. They are used if the interval of the use lies above"
        f" {limits.least_use:g}, and not used if it lies below. Models that are trained need at"
        " least 5 seeds.",
        "Coefficient: how strongly training punishes attention to the words. The verdict on the"
        " audited model is about that model. The others say what its recipe can be made to do.",
    ]
    columns = ["model", "the words are", "models", MASS, "low", "high", USE, "low", "high"]
    return Table("Attention on impermissible words, and their use", columns, rows, notes)


def _scores(
    found: Gathered,
    kinds: Mapping[str, Kind],
    names: Mapping[str, str],
    metrics: Mapping[str, Estimate],
) -> Table:
    rows: list[list[Cell]] = []
    for called, name in names.items():
        scores = [
            metrics[f"{name}.{part}"].value
            for part in ("score", "deleted.score", "zeroed.score", "renormalised.score")
        ]
        gap = metrics.get(f"{name}.floor_gap", Estimate(None))
        rows.append(
            [called, _accuracy(found, kinds[called]), *scores, gap.value, gap.ci_low, gap.ci_high]
        )
    floor = metrics["deceive.floor.score"].value
    empty: list[Cell] = [None] * 6
    rows.append(["never sees the words", _accuracy(found, FLOOR), floor, *empty])
    words = found.scorer.words
    notes = [
        "deleted: the score on texts without the words, which the model has learned with. weights"
        " 0: the words get no attention. scaled up: the other words get it instead. The last row"
        " is the floor: models that learn and answer without the words.",
        "gain: the score less that of the floor, by seed. Above 0 a model uses the words. Near 0"
        " the other words say as much.",
    ]
    columns = ["model", "accuracy", words, "deleted", "weights 0", "scaled up", "gain"]
    title = f"{words} with the impermissible words and without"
    return Table(title, [*columns, "low", "high"], rows, notes).once("accuracy")


def _accuracy(found: Gathered, kind: Kind) -> float | None:
    if not found.seeds(kind):
        return None
    gold = np.array(found.runs.gold)
    return float((found.probs(kind).argmax(-1) == gold).mean())


def _uses(
    found: Gathered,
    kinds: Mapping[str, Kind],
    names: Mapping[str, str],
    metrics: Mapping[str, Estimate],
) -> Table:
    rows: list[list[Cell]] = []
    for called, name in names.items():
        kind = kinds[called]
        other = [_plain(found, kind, column) for column in ("other_deleted", "other_left_out")]
        rows.append(
            [
                called,
                *(metrics[f"{name}.deleted.tvd"].value, other[0]),
                *(metrics[f"{name}.left_out"].value, other[1]),
                metrics[f"{name}.zeroed.tvd"].value,
                metrics[f"{name}.renormalised.tvd"].value,
                metrics["deceive.places"].value,
                metrics[f"{name}.norms.embedding"].value,
                metrics[f"{name}.norms.value"].value,
            ]
        )
    notes = [
        "How far answers move (TVD): without all impermissible words (deleted), without one of them"
        " alone (one left out), each beside as many other words; and if the words get no attention,"
        " without and with the rest scaled up.",
        "The last three columns are shares of the impermissible words: in the positions of a text,"
        " in the norms of the word embeddings, and in the norms of the vectors that attention"
        " averages. A model that cannot mix words can make their vectors long instead of attending"
        " to them.",
    ]
    columns = ["model", "deleted", "others deleted", "one left out", "another left out"]
    columns += ["weights 0", "scaled up", "positions", "embedding norms", "value norms"]
    return Table("Are the impermissible words still used?", columns, rows, notes)


def _plain(found: Gathered, kind: Kind, column: str) -> float | None:
    return float(found.on_having(kind, column).mean()) if found.seeds(kind) else None


def _runs(found: Gathered, kinds: Mapping[str, Kind]) -> Table:
    gold = np.array(found.runs.gold)
    rows: list[list[Cell]] = []
    for called, kind in {**kinds, "never sees the words": FLOOR}.items():
        probs = found.probs(kind)
        for k, seed in enumerate(found.seeds(kind)):
            accuracy = float((probs[k].argmax(-1) == gold).mean())
            score = float(found.scorer.values(probs[k : k + 1]).mean())
            more: list[Cell] = [None, None]
            if kind != FLOOR:
                more = [float(found.on_having(kind, name)[k].mean()) for name in ("mass", "use")]
            shown = None if np.isnan(score) else score
            rows.append([called, None if kind == BASE else seed, accuracy, shown, *more])
    columns = ["model", "seed", "accuracy", found.scorer.words, MASS, USE]
    return Table("Each model", columns, rows, detail=True).once("accuracy")
