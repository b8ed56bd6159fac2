"""Works out of context (Wiegreffe & Pinter 2019, section 3.4): do the weights help without context?

A probe sees each word by itself, weighted by the model's attention. It must be better than a probe
with uniform attention, and better than a probe with an adversary's attention. This is not enough:
attention can also encode the label in where it lies, and a probe can read that as well as a real
reason. So the attended words must carry the evidence: a model of the recipe must lose more without
them than without the same number of other words (see `models.removal`). If it loses less, the
remaining words give the answer away.

Only the gap to uniform attention detects attention that lies next to the evidence. Only the leak
control detects attention that was made to fit the answer. The controls among the guides decide
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attnaudit.findings.desiderata import HARD_TO_MANIPULATE, OUT_OF_CONTEXT
from attnaudit.findings.evidence import Evidence
from attnaudit.findings.finding import Finding, FindingStatus
from attnaudit.findings.gap import in_words, score_gap
from attnaudit.findings.power import Measured, settle
from attnaudit.findings.rules import LEAST_SEEDS, compare, finding
from attnaudit.measures.summary import Estimate
from attnaudit.questions.probe.kinds import (
    ADVERSARY_GUIDE,
    ATTENDED,
    BASE_GUIDE,
    OLDER,
    OTHER,
    UNIFORM_GUIDE,
    called,
    is_older,
    whole_texts,
)
from attnaudit.questions.runs import Kind, Runs
from attnaudit.questions.score_of_seeds import ScoreOfSeeds
from attnaudit.records.metric import JSD
from attnaudit.wording import percent

MOST_WHOLE = 0.5  # of the texts; of more the leak control says too little
OVER_UNIFORM = "probe.base-uniform.score_gap"
OVER_ADVERSARY = "probe.base-adversary.score_gap"
LEAK = "probe.leak.score_gap"
RULE = (
    "For, if all of these hold by more than the limit: (1) the probe scores higher with the "
    "model's weights than with uniform weights; (2) it scores higher than with an adversary's "
    "weights, if one was tried; (3) models of the recipe lose more score without the attended "
    "words than without the same number of other words. Against, if the probe gains less than "
    "the limit over uniform weights, or if the models score better without the attended words "
    "by more than the limit."
)
NO_ADVERSARY = "no adversary's attention was tried in the probe"
ALIKE = "the adversary's attention in the probe is not shown to differ from the model's"


@dataclass(frozen=True)
class _Probes:
    """The models that the rule compares, on the seeds that all of them have."""

    evidence: Evidence
    runs: Runs
    seeds: Sequence[int]

    @property
    def score(self) -> ScoreOfSeeds:
        """What models are compared by."""
        return ScoreOfSeeds.of(self.runs, len(self.evidence.labels), self.evidence.score)

    def gap(self, ours: Kind, theirs: Kind) -> Measured:
        """The score of one kind minus the score of the other."""
        return score_gap(self.evidence, self.runs, ours, theirs, self.seeds)

    def over_guess(self, kind: Kind) -> Estimate:
        """The score of a kind minus the best score of answers that do not depend on the text."""
        score = self.score
        values = score.values(self.runs.probs(kind, self.seeds))
        return score.gap(values, score.guess()[None], self.evidence.level)

    def higher(self, gap: Estimate) -> str:
        """A gap in words: how much higher, or lower, the first score is."""
        return in_words(gap, self.evidence.level)

    def lower(self, gap: Estimate) -> str:
        """The same, of how much lower the second score is."""
        return in_words(gap, self.evidence.level, ("lower", "higher"))


@dataclass(frozen=True)
class _Found:
    """What the rule has come to, why (in sentences), and the figure that decided it.

    `open` says that more seeds or texts could decide it.
    """

    status: FindingStatus
    why: str
    figure: Estimate
    metric: str | None
    open: bool = False


def out_of_context(
    evidence: Evidence, delta: float, apart: float = HARD_TO_MANIPULATE.delta
) -> Finding:
    """What the probes and the leak control say; `statistic` is the gap that decided.

    The attention of an adversary is other attention only if it lies further than the JSD `apart`
    from the model's, by interval: where none can be moved without cost, the adversary of greatest
    JSD attends as the model does, and a probe under it does as well.
    """
    runs, scope = evidence.of("probe"), evidence.scope
    if runs is None:
        return finding("not_assessed", OUT_OF_CONTEXT.needs, scope=scope)
    if is_older(runs):
        return finding("not_assessed", f"{OLDER[0].upper()}{OLDER[1:]}.", scope=scope)
    kinds = [BASE_GUIDE, UNIFORM_GUIDE, OTHER, ATTENDED]
    if ADVERSARY_GUIDE not in runs.models:
        scope = f"{scope}; {NO_ADVERSARY}"
    elif not _is_other(evidence, runs, apart):
        scope = f"{scope}; {ALIKE} by more than a JSD of {apart:g}"
        runs = replace(
            runs, models={k: models for k, models in runs.models.items() if k != ADVERSARY_GUIDE}
        )
    else:
        kinds.append(ADVERSARY_GUIDE)
    seeds = runs.shared_seeds(kinds)
    if len(seeds) < LEAST_SEEDS:
        return finding("not_assessed", _too_few(runs, kinds), scope=scope)
    found = _decide(_Probes(evidence, runs, seeds), delta)
    left_out = _left_out(runs, kinds, seeds)
    reason = f"{found.why} There are {len(seeds)} seeds of each kind of model.{left_out}"
    if found.open:
        reason = f"{reason} {settle(found.figure, delta)}"
    # A figure of some seeds is not the metric of all of them.
    metric = None if left_out else found.metric
    return finding(found.status, reason, found.figure, delta, scope, metric, RULE)


def _is_other(evidence: Evidence, runs: Runs, apart: float) -> bool:
    """Whether the adversary's attention differs from the audited model's, on the audited split."""
    seeds = runs.seeds(**dict(ADVERSARY_GUIDE))
    jsd = runs.sample().mean(runs.values(ADVERSARY_GUIDE, seeds, "jsd").mean(0), JSD)
    return jsd.ci_low is not None and jsd.ci_low > apart


def _decide(probes: _Probes, delta: float) -> _Found:
    """The rule: what is *against* comes before what leaves it open, and that before *for*."""
    uniform, leak = probes.gap(BASE_GUIDE, UNIFORM_GUIDE), probes.gap(OTHER, ATTENDED)
    leak = replace(leak, two_sided=True)  # above delta, or below -delta
    score = probes.score.words
    over_uniform = (
        f"With the model's attention weights the probe's {score} is {probes.higher(uniform)} "
        "than with uniform weights"
    )
    loses = (
        f"When models of the recipe are trained without the attended words, their {score} is "
        f"{probes.lower(leak)} than without the same number of other words"
    )
    if compare(uniform, delta) == "against":
        why = f"{over_uniform}. The gain is less than {delta:g}."
        return _Found("against", why, uniform, OVER_UNIFORM)
    if leak.ci_high is not None and leak.ci_high < -delta:
        why = (
            f"{loses}. So the remaining words give the answer away. This happens if the "
            "attention itself encodes the answer, or if it points at words that merely go with "
            "it."
        )
        return _Found("against", why, leak, LEAK)
    if compare(uniform, delta) == "inconclusive":
        return _Found("inconclusive", f"{over_uniform}.", uniform, OVER_UNIFORM, open=True)
    open_still = _unsupported(probes, leak, loses, delta)
    return open_still or _outdone(probes, uniform, over_uniform, loses, delta)


def _unsupported(probes: _Probes, leak: Estimate, loses: str, delta: float) -> _Found | None:
    """Why the leak control does not show that the attended words carry the evidence, or None."""
    whole = whole_texts(probes.runs)
    share = sum(whole) / max(len(whole), 1)
    if share > MOST_WHOLE:
        why = (
            f"{percent(share)} of the texts have fewer than five words and stay whole, so the leak "
            "control says too little."
        )
        return _Found("inconclusive", why, leak, LEAK)
    above = probes.over_guess(OTHER)
    if above.ci_low is None or above.ci_low <= 0:
        why = (
            "The leak control did not decide: models that are trained on texts without random "
            "words are not shown to be better than guessing. Their "
            f"{probes.score.words} is {probes.higher(above)} than that of the best guess that "
            "does not depend on the text."
        )
        return _Found("inconclusive", why, above, None)
    if compare(leak, delta) == "for":
        return None
    if _within(leak, delta):
        why = (
            f"{loses}. So other words can replace the attended words, for example if the "
            "evidence occurs twice in the text."
        )
        return _Found("inconclusive", why, leak, LEAK)
    why = f"{loses}. The leak control did not decide."
    return _Found("inconclusive", why, leak, LEAK, open=True)


def _outdone(
    probes: _Probes, uniform: Estimate, over_uniform: str, loses: str, delta: float
) -> _Found:
    """*For*, unless the probe does as well under the attention of an adversary."""
    if ADVERSARY_GUIDE in probes.runs.models:
        other = probes.gap(BASE_GUIDE, ADVERSARY_GUIDE)
        if compare(other, delta) != "for":
            why = (
                f"{over_uniform}. But it is {probes.higher(other)} than with an adversary's "
                "weights. So it is not shown that the probe needs the model's own weights."
            )
            still = compare(other, delta) == "inconclusive"
            return _Found("inconclusive", why, other, OVER_ADVERSARY, open=still)
    why = f"{over_uniform}. {loses}. So these words carry evidence."
    return _Found("for", why, uniform, OVER_UNIFORM)


def _within(found: Estimate, delta: float) -> bool:
    """Whether the interval lies inside delta on either side of 0."""
    if found.ci_low is None or found.ci_high is None:
        return False
    return -delta < found.ci_low and found.ci_high < delta


def _too_few(runs: Runs, kinds: Sequence[Kind]) -> str:
    """Which models lack seeds."""
    counts = {kind: len(runs.models.get(kind, {})) for kind in kinds}
    short = [f"{called(kind)} has {n}" for kind, n in counts.items() if n < LEAST_SEEDS]
    if not short:
        shared = len(runs.shared_seeds(kinds))
        return f"The models have only {shared} seeds in common, but {LEAST_SEEDS} are needed."
    return f"{LEAST_SEEDS} seeds of each model are needed: {', '.join(short)}."


def _left_out(runs: Runs, kinds: Sequence[Kind], seeds: Sequence[int]) -> str:
    """Seeds that only some of the kinds have, as a sentence after a space; empty if none."""
    every = {seed for kind in kinds for seed in runs.models[kind]}
    lacking = [
        f"seed {seed}, missing for {' and '.join(without)}"
        for seed in sorted(every - set(seeds))
        if (without := [called(kind) for kind in kinds if seed not in runs.models[kind]])
    ]
    return f" Left out: {'; '.join(lacking)}." if lacking else ""
