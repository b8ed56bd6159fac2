"""What do the heads of all layers do? Michel et al. 2019, Voita et al. 2019 and others.

Besides what every record holds (see `questions.answers`), records of audited texts hold:

* `positions`, how many tokens the text has with what frames it;
* `ablated`: the answer without each head, which feeds `heads.ablation.*`;
* `importance`: the gradient importance of each head, in two forms (`choice.Importances`);
* `patterns`: what the weights of each head are like, see `patterns`;
* `depth`: how far states are those of their positions, see `depth`;
* `knockout`: how far the answer moves without some positions' keys, see `knockout`;
* `pruned`: for each order in which heads are removed, the answer at each point of the curve.

Importance is chosen on dev and scored on the audited texts: records of dev texts, which have a
`run`, hold their `positions` and `importance`, and for the greedy search the `losses` without each
head that is left.

Letters in shape comments: B batch, L layers, H heads, T tokens, C classes, V sets of heads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor

from attnaudit.data.batch import Batch
from attnaudit.errors import InputError
from attnaudit.execution.observer import Observer
from attnaudit.models.distances import tvd
from attnaudit.models.interface import AttentionModel, capability
from attnaudit.models.predict import Batches
from attnaudit.questions.answers import Answered, each_batch
from attnaudit.questions.heads.choice import (
    CODE,
    GREEDY,
    PAPER,
    Importances,
    Order,
    cheapest,
    counts,
    order_of,
    random_orders,
)
from attnaudit.questions.heads.cost import cost
from attnaudit.questions.heads.make.depth import depth_of
from attnaudit.questions.heads.make.knockout import knocked_out
from attnaudit.questions.heads.make.patterns import patterns_of, specials
from attnaudit.questions.heads.make.removal import answers, gradients, losses_without
from attnaudit.questions.heads.settings import HeadsSettings
from attnaudit.questions.maker import Maker, Record, Stage
from attnaudit.questions.settling import settle_reading
from attnaudit.records.rounding import compact, compact_rows
from attnaudit.records.schema import Run

IMPORTANCE: Run = {"split": "dev", "stage": "importance"}


def settle(settings: HeadsSettings, model: AttentionModel) -> HeadsSettings:
    """The settings as they are; raises InputError for a model whose heads are out of reach."""
    needed = ("scale_heads", "layer_states", "trace")
    if not model.layer_count or not all(capability(model, name) for name in needed):
        raise InputError(
            "this audit is for transformers: it removes heads of all layers, and the model shows"
            " one attention alone",
            hint="audit a Hugging Face model, or ask this model by `permute` and `erase`",
        )
    return settle_reading(settings, model)


def stages(
    settings: HeadsSettings,
    model: AttentionModel,
    splits: Sequence[str],
    made: Callable[[], Iterator[Record]],
) -> Iterator[Stage]:
    """Importances on dev, the greedy search where the model is small, and the audited texts."""
    assert model.layer_count is not None
    assert model.head_count is not None
    heads = model.layer_count * model.head_count

    def part(**chosen: Any) -> HeadsSettings:
        told = settings.chosen.model_copy(update=chosen)
        return settings.model_copy(update={"chosen": told})

    if not splits:
        yield Stage(settings)
        return
    yield Stage(part(stage="importance"), IMPORTANCE)
    found = Importances()
    for record in _of_run(made(), IMPORTANCE):
        found.add(record)
    orders = {name: order_of(one, not settings.unnormalised) for name, one in found.maps().items()}
    if heads <= settings.greedy_heads:
        removed: Order = ()
        for step in range(heads - 1):
            run: Run = {"split": "dev", "stage": "greedy", "step": step}
            yield Stage(part(stage="greedy", removed=removed), run)
            losses = (record["losses"] for record in _of_run(made(), run))
            removed = (*removed, cheapest(losses, heads, removed))
        orders[GREEDY] = (*removed, *set(range(heads)).difference(removed))
    if not found.texts:  # in a dry run: orders that share as few sets of heads as they can
        names = (PAPER, CODE, *orders)
        orders = {name: _rotated(heads, k) for k, name in enumerate(names)}
    orders |= random_orders(settings.random_orders, heads, settings.seed)
    yield Stage(part(orders=orders))


def _rotated(heads: int, by: int) -> Order:
    return tuple((head + by) % heads for head in range(heads))


def _of_run(records: Iterator[Record], run: Run) -> Iterator[Record]:
    return (record for record in records if record.get("run") == run)


def records(
    model: AttentionModel, batches: Batches, settings: HeadsSettings, observer: Observer
) -> Iterator[list[Record]]:
    """The records of each batch in turn."""
    stage, by_row = settings.chosen.stage, {i.row: i for i in batches.instances}

    def named(batch: Batch) -> list[Record]:
        return [{"row": row, "id": by_row[row].id} for row in batch.rows.tolist()]

    def important(batch: Batch) -> list[Record]:
        found = zip(named(batch), _importance(model, batch), strict=True)
        return [{**name, **one} for name, one in found]

    def greedy(batch: Batch) -> list[Record]:
        losses = losses_without(model, batch, settings.chosen.removed)
        found = zip(named(batch), losses, strict=True)
        return [{**name, "losses": compact(one)} for name, one in found]

    if stage != "audit":
        work = important if stage == "importance" else greedy
        return batches.memory.results(work, batches, observer)
    special = getattr(batches.vocabulary, "framing", None)

    def make(known: Answered) -> list[Record]:
        return _batch_records(model, known, settings, special)

    return each_batch(model, batches, make, observer, settings.shown)


def _importance(model: AttentionModel, batch: Batch) -> list[Record]:
    """The importances of each text of a batch, with its number of positions."""
    slopes = gradients(model, batch)  # (B, L, H, T)
    paper, code = slopes.sum(-1).abs(), slopes.abs().sum(-1)  # (B, L, H)
    maps = zip(batch.mask.sum(1).tolist(), paper, code, strict=True)
    return [
        {"positions": n, "importance": {"paper": _rows(a), "code": _rows(b)}} for n, a, b in maps
    ]


def _batch_records(
    model: AttentionModel,
    known: Answered,
    settings: HeadsSettings,
    framing: frozenset[int] | None,
) -> list[Record]:
    assert model.layer_count is not None
    assert model.head_count is not None
    batch, heads = known.whole, model.layer_count * model.head_count
    orders, points = settings.chosen.orders, counts(heads, settings.steps)
    # Each set of heads once, the empty one too: so rounding moves no answer.
    curves = {
        name: [frozenset(order[:count]) for count in points] for name, order in orders.items()
    }
    alone = [frozenset((head,)) for head in range(heads)]
    sets = [frozenset[int](), *alone, *(one for curve in curves.values() for one in curve)]
    places = {one: place for place, one in enumerate(dict.fromkeys(sets))}
    said = answers(model, batch, list(places))  # (B, V, C)
    moved, predicted = tvd(said, said[:, :1]), said.argmax(-1)  # (B, V)
    special = specials(batch, framing)
    importance = _importance(model, batch)
    patterns = patterns_of(model, batch, special)
    depth = depth_of(model, known, settings.draws, settings.seed)
    knocked = knocked_out(model, known, special, settings)
    made = []
    for b in range(len(batch)):

        def at(some: Sequence[frozenset[int]], b: int = b) -> tuple[list[Any], list[int]]:
            index = [places[one] for one in some]
            return compact(moved[b, index].cpu().double().numpy()), predicted[b, index].tolist()

        far, classes = at(alone)
        pruned = {}
        for name, curve in curves.items():
            by_point = at(curve)
            pruned[name] = {"predicted": by_point[1], "tvd": by_point[0]}
        size = model.head_count
        made.append(
            known.record(b)
            | importance[b]
            | {
                "ablated": {"tvd": _cut(far, size), "predicted": _cut(classes, size)},
                "patterns": {name: _rows(found[b]) for name, found in patterns.items()},
                "depth": depth[b],
                "knockout": knocked[b],
                "pruned": pruned,
            }
        )
    return made


def _rows(found: Tensor) -> list[list[float | None]]:
    """A map of layers and heads as a record holds it."""
    return compact_rows(found.detach().cpu().double().numpy())


def _cut(values: list[Any], size: int) -> list[list[Any]]:
    return [values[k : k + size] for k in range(0, len(values), size)]


MAKER = Maker(records, settle=settle, cost=cost, stages=stages)
