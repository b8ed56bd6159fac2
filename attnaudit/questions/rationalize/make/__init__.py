"""Do the words that a model's explanation picks suffice for another model? FRESH.

Jain et al. 2020, "Learning to Faithfully Rationalize by Construction", section 4. The audited model
is the support model: it says which words of each text of every split become the rationale.
Predictors of its recipe, with other seeds, then learn from what they see of the texts, and are
selected and tested on the same of dev and test. For the records see `questions.recording`; the runs
of the predictors are

* `{"sees": "text", "seed": k}`: the full text;
* `{"sees": "rationale", "by": NAME, "seed": k}`: the words that the score NAME chose, and no other:
  the rest is deleted, and what is left moves together, as in FRESH;
* `{"sees": "random", "seed": k}`: as many words, in the same form, drawn anew for each seed;
* `{"sees": "positions", "by": NAME, "seed": k}`: the extraction leak. The predictor sees one symbol
  in place of each chosen word and another one in place of each other word: the places of the choice
  alone (see `models.choice_only`).

The `probs` on the audited split feed `rationalize.*.score`. The rationale of a text is the same for
all seeds, since there is one support model; the authors train one per seed. The recipe is that of
the support model, too: nothing is tuned for short texts.

The records of the support model hold `rationales`, by NAME and for `random` of the first seed:

* `chosen`: the numbers of the words that are kept, from 0;
* `scores`, of the audited split: what they were chosen by, so that others can threshold them
  otherwise; null for a text whose importance is undefined, where the last words are kept;
* `agreement`: where people marked words, how well the rationale agrees with them, as ERASER scores
  it (DeYoung et al. 2020, section 4.1); it feeds `rationalize.*.token_f1` and the like.

A training that diverged leaves one record a split, and no figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attnaudit.execution.observer import Observer
from attnaudit.models.interface import AttentionModel
from attnaudit.models.retraining import Retraining
from attnaudit.models.training import DivergedError
from attnaudit.questions.kept_models import KeptModels, kept_models, open_kept
from attnaudit.questions.maker import Maker, Record, Trains
from attnaudit.questions.rationalize.make.arms import arms_of
from attnaudit.questions.rationalize.make.choosing import check_source
from attnaudit.questions.rationalize.make.exported import export
from attnaudit.questions.rationalize.names import called, kinds_of
from attnaudit.questions.rationalize.settings import RationalizeSettings
from attnaudit.questions.recording import Ledger, Trained, diverged, run_records
from attnaudit.questions.runs import BASE_RUN
from attnaudit.questions.settling import settle_reading
from attnaudit.readings.heads import MEAN
from attnaudit.records.schema import Run


def settle(settings: RationalizeSettings, model: AttentionModel) -> RationalizeSettings:
    """The settings for this model; raises InputError for a score that it cannot be given by."""
    for name in settings.by:
        check_source(name, model)
    return settle_reading(settings, model)


def rounds(
    retraining: Retraining,
    ledger: Ledger,
    settings: RationalizeSettings,
    made: Callable[[], Iterator[Record]],
    observer: Observer,
) -> Iterator[list[Run]]:
    """All predictors, kind by kind, in one list.

    Where models are kept, the rationales are written beside them as predictions of ERASER, once all
    records are there. Raises OutputError if models are to be kept and cannot be written.
    """
    open_kept(_kept(retraining, ledger, settings), ledger, observer)
    seeds = retraining.seeds(settings.seeds, settings.seed)
    yield [{**kind, "seed": seed} for kind in kinds_of(settings.by) for seed in seeds]
    if ledger.models is not None and not ledger.dry:
        export(
            ledger.models / "eraser",
            settings.by,
            ledger.audited,
            retraining.spec.labels,
            made(),
            ledger.spaced(),
        )


def records(
    retraining: Retraining,
    ledger: Ledger,
    settings: RationalizeSettings,
    run: Run,
    observer: Observer,
) -> list[Record]:
    """The records of one model, or those that say that its training diverged."""
    arms = arms_of(retraining, settings, ledger.pieces)

    def make() -> Trained:
        view = arms.view(run)
        kept = _kept(retraining, ledger, settings)
        name, own = f"{called(run).replace(' ', '-')}-seed{run['seed']}", dict(run)
        found = kept.find(name, own) if kept else None
        if found is not None:
            return found.to(retraining.device).eval().requires_grad_(False), view
        seed = int(run["seed"])
        model = retraining.fresh(seed)
        retraining.learn(model, seed, observer, f"{called(run)} {seed}", view)
        if kept:
            kept.keep(model, name, own)
        return model, view

    if run == BASE_RUN:
        made = run_records(run, make, retraining, ledger, observer, settings.shown, settings.text)
        return [{**record, "rationales": arms.told(record, ledger.audited)} for record in made]
    try:
        return run_records(
            run, make, retraining, ledger, observer, settings.shown, settings.text, own=MEAN
        )
    except DivergedError:
        observer.say(f"{called(run)} {run['seed']}: the training diverged")
        return diverged(run, retraining, ledger)


def _kept(
    retraining: Retraining, ledger: Ledger, settings: RationalizeSettings
) -> KeptModels | None:
    """The predictors on disk; None where they are not kept."""
    chosen = settings.model_dump(mode="json", include={"form", "share", "count", "seed", "reading"})
    rationales = {**chosen, "pieces": ledger.pieces}
    return kept_models(
        retraining, ledger, "rationalize", "*-seed[0-9]*", __name__, rationales=rationales
    )


MAKER = Maker(trains=Trains(rounds, records), settle=settle)
