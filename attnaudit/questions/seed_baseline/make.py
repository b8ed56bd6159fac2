"""How far do attention and answers vary between seeds, and does the task need attention at all?

Wiegreffe & Pinter 2019, sections 3.3 and 3.2. For each seed k these models are trained; records
are those of `questions.recording`, and name the model in their `run`:

* `{"model": "seed", "seed": k}`: exactly by the recipe, as the audited model was;
* `{"model": "converged", "attention": A, "seed": k}`: the same recipe, trained until the loss on
  dev stops falling (see `models.convergence`). A is `learned`; `uniform`, frozen to 1/n; or
  `peaked`, frozen to the audited model's own weights, shuffled among the words of each text. The
  order is drawn once for each text, split and seed. Where asked for (Vashishth et al. 2019), A is
  also `random`, frozen to weights that are drawn once for each text and seed; and
  `reordered`, learned weights that change places before they are used: in training in another
  order each time, else in one that is drawn once;
* `{"model": "permuted", "seed": k}`, where asked for: by the recipe, on shuffled labels.

With a constant learning rate one training makes the model of the recipe and the learned converged
one of the same seed (see `models.twofold`): their first epochs are the same.

The authors train uniform attention as long as the recipe says. It may learn more slowly, and the
gap then says how fast models learn: so both sides of it are trained until they stop.

Only records on the audited split feed the report:

* `probs` feed every score, `seed_baseline.flips` and the metrics of `necessity`;
* `jsd` and `tvd` feed the metrics of that name;
* `training`, in the record of the first text of a split, says how a converged model ended:
  `epochs`, `stopped` and `dev_loss`. It feeds the finding *necessary*;
* `attention` of the audited model feeds the bins and the largest JSD that is attainable;
* `controls` of the audited model feeds `seed_baseline.control.*` (see `controls`).

A training that diverged leaves one record a split, `{"run", "row", "id", "diverged": true}`, and no
figures. The others are not touched by it, and the finding names it.

The bins take the audited model's largest weight. (The authors' script takes the median of the
seeds' largest weights; the caption of their Fig. 3 speaks of the maximum over seeds of the JSD, the
script takes the median: both are given.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from attnaudit.execution.observer import Observer
from attnaudit.models.convergence import Convergence
from attnaudit.models.guided import shuffled, uniform
from attnaudit.models.interface import AttentionModel
from attnaudit.models.reordered import RandomWeights
from attnaudit.models.retraining import Guides, Retraining, View, as_it_is, guided, reordered
from attnaudit.models.training import DivergedError
from attnaudit.questions.kept_models import KeptModels, kept_models, open_kept
from attnaudit.questions.looks import growing, later
from attnaudit.questions.maker import Maker, Record, Trains
from attnaudit.questions.recording import Ledger, Trained, diverged, run_records
from attnaudit.questions.runs import BASE_RUN
from attnaudit.questions.seed_baseline.asked import controls
from attnaudit.questions.seed_baseline.cost import asked_cost
from attnaudit.questions.seed_baseline.settings import SeedBaselineSettings
from attnaudit.questions.settling import settle_reading
from attnaudit.records.schema import Run

ATTENTIONS = ("learned", "uniform", "peaked")
OF_NO_WORD = ("random", "reordered")
_WITH = "with"  # in the name of a task: what else its training makes
_Made = tuple[AttentionModel, Convergence | None]  # a model, and how its training ended


def rounds(
    retraining: Retraining,
    ledger: Ledger,
    settings: SeedBaselineSettings,
    made: Callable[[], Iterator[Record]],
    observer: Observer,
) -> Iterator[list[Run]]:
    """The models seed by seed: in one list, or in a list for each look where their number grows.

    Raises OutputError if models are to be kept and cannot be written.
    """
    open_kept(_kept(retraining, ledger), ledger, observer)
    for before, after in growing(settings.seeds, ledger, made):
        yield [
            {**kind, "seed": seed}
            for seed in retraining.seeds(after, settings.seed)[before:]
            for kind in _kinds(settings)
        ]


def _later(settings: SeedBaselineSettings) -> list[Run]:
    """As many runs of each kind as later looks may add."""
    return _kinds(settings) * later(settings.seeds)


def _kinds(settings: SeedBaselineSettings) -> list[Run]:
    kinds: list[Run] = [{"model": "seed"}]
    attentions = (*ATTENTIONS, *(OF_NO_WORD if settings.random_attention else ()))
    kinds += [{"model": "converged", "attention": attention} for attention in attentions]
    return [*kinds, {"model": "permuted"}] if settings.permuted_labels else kinds


def together(retraining: Retraining, runs: Sequence[Run]) -> list[Run]:
    """The runs, where a model of the recipe and the learned one of its seed are one task.

    Such pairs come before the other models, because they take longest.
    """
    if not retraining.schedule.constant:
        return list(runs)
    seeds = [run for run in runs if run["model"] == "seed"]
    pairs = [{**run, _WITH: "learned"} for run in seeds if _learned(run) in runs]
    parts = [part for pair in pairs for part in _parts(pair)]
    others = [run for run in runs if run not in parts]
    first = [run for run in others if run == BASE_RUN]
    return [*first, *pairs, *(run for run in others if run not in first)]


def records(
    retraining: Retraining,
    ledger: Ledger,
    settings: SeedBaselineSettings,
    run: Run,
    observer: Observer,
) -> list[Record]:
    """The records of one model, or of two that one training makes (see `together`).

    Of a training that diverged they only say so.
    """
    parts = _parts(run)
    made = _of_one_training(retraining, ledger, parts, observer) if len(parts) > 1 else {}
    return [
        record
        for part in parts
        for record in _of_model(
            retraining, ledger, settings, part, observer, made.get(str(part["model"]))
        )
    ]


def _parts(run: Run) -> list[Run]:
    """The runs that a task makes records of."""
    if _WITH not in run:
        return [run]
    return [{k: v for k, v in run.items() if k != _WITH}, _learned(run)]


def _learned(run: Run) -> Run:
    """The learned converged model of the same seed."""
    return {"model": "converged", "attention": "learned", "seed": run["seed"]}


def _of_one_training(
    retraining: Retraining, ledger: Ledger, runs: Sequence[Run], observer: Observer
) -> dict[str, _Made]:
    """What one training makes: by `model`. Nothing where it diverged, or where one is kept."""
    seed = int(runs[0]["seed"])
    if _find(retraining, ledger, seed) is not None:
        return {}
    try:
        title = " and ".join(map(_title, runs))
        model, other, ended = retraining.learn_and_converge(seed, observer, title)
    except DivergedError:
        return {}  # one of the two may do well all the same
    _keep(retraining, ledger, seed, model)
    return {"seed": (model, None), "converged": (other, ended)}


def _of_model(
    retraining: Retraining,
    ledger: Ledger,
    settings: SeedBaselineSettings,
    run: Run,
    observer: Observer,
    known: _Made | None = None,
) -> list[Record]:
    """The records of one model, which is trained unless it is `known`."""
    ended: list[Convergence] = []

    def make() -> Trained:
        seed, title = int(run["seed"]), _title(run)
        if known is not None:
            model, ending = known
            ended.extend([] if ending is None else [ending])
            return model, as_it_is
        if run["model"] == "seed":
            return _of_recipe(retraining, ledger, seed, observer, title), as_it_is
        model = retraining.fresh(seed)
        if run["model"] == "permuted":
            retraining.learn_permuted(model, seed, observer, title)
            return model, as_it_is
        view = _view(retraining, ledger, settings, str(run["attention"]), seed)
        ended.append(retraining.converge(model, seed, observer, title, view))
        return model, view

    try:
        made = run_records(
            run, make, retraining, ledger, observer, settings.shown, settings.text, controls
        )
    except DivergedError:
        observer.say(f"{_title(run)}: the training diverged")
        return diverged(run, retraining, ledger)
    if ended:
        first = {split: retraining.splits[split].instances[0].row for split in ledger.splits}
        for record in made:
            if record["row"] == first[record["run"]["split"]]:
                record["training"] = asdict(ended[0])
    return made


def _title(run: Run) -> str:
    """What a training is called."""
    return f"{run.get('attention', run['model'])} {run['seed']}"


def _of_recipe(
    retraining: Retraining, ledger: Ledger, seed: int, observer: Observer, title: str
) -> AttentionModel:
    """A model of the recipe with another seed: the one that is kept, or else trained and kept."""
    found = _find(retraining, ledger, seed)
    if found is not None:
        return found.to(retraining.device).eval().requires_grad_(False)
    model = retraining.fresh(seed)
    retraining.learn(model, seed, observer, title)
    _keep(retraining, ledger, seed, model)
    return model


def _find(retraining: Retraining, ledger: Ledger, seed: int) -> AttentionModel | None:
    """The model of the recipe that an earlier run has kept."""
    kept = _kept(retraining, ledger)
    return kept.find(f"seed{seed}", {"seed": seed}) if kept else None


def _keep(retraining: Retraining, ledger: Ledger, seed: int, model: AttentionModel) -> None:
    kept = _kept(retraining, ledger)
    if kept:
        kept.keep(model, f"seed{seed}", {"seed": seed})


def _view(
    retraining: Retraining,
    ledger: Ledger,
    settings: SeedBaselineSettings,
    attention: str,
    seed: int,
) -> View:
    """How a converged model looks on each split."""
    splits = tuple(dict.fromkeys(("train", *ledger.splits)))
    if attention == "learned":
        return as_it_is
    if attention == "reordered":
        return reordered(seed)
    guides: Guides = dict.fromkeys(
        splits, RandomWeights(seed) if attention == "random" else uniform
    )
    if attention == "peaked":
        show = settings.shown.weigh
        guides = {split: shuffled(retraining.kept(split, show), seed) for split in splits}
    return guided(guides)


def _kept(retraining: Retraining, ledger: Ledger) -> KeptModels | None:
    """The models of the recipe on disk; None where they are not kept."""
    return kept_models(retraining, ledger, "seed-baseline", "seed[0-9]*", __name__)


MAKER = Maker(
    trains=Trains(rounds, records, _later, together=together),
    settle=settle_reading,
    asked=asked_cost,
)
