"""What would lead an inconclusive finding to an answer: more seeds, more texts, or neither.

The sentences say what makes the figure uncertain, which size would reach an answer four times in
five if the true effect is the one seen, and how likely an answer is at the present size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from attnaudit.findings.finding import ChanceAt, Chances, Power, Size
from attnaudit.measures.limits import Bounds
from attnaudit.measures.power import (
    ENOUGH,
    Components,
    Line,
    both_needed,
    chance,
    seeds_needed,
    texts_needed,
)
from attnaudit.measures.summary import Estimate
from attnaudit.questions.score_of_seeds import GAP
from attnaudit.wording import decimal, percent

SHOWN = 0.005  # a share of the variance below this is not worth a word


@dataclass(frozen=True)
class Measured(Estimate):
    """A figure of several models on the same texts, with what makes it uncertain.

    `parts` are those of its variance; None where they are not known. `bounds` is what the figure
    can be. A sentence calls the figure `what` and the models `who`, in the plural. `least` is the
    fewest models that a finding may rest on. The answer is *for* above delta; it is *against* below
    delta, or, where the figure is `two_sided`, below -delta only. A figure that `shrinks` varies
    less the nearer its true value is to the upper end of its range, where all models are alike.
    """

    parts: Components | None = None
    least: int = 2
    bounds: Bounds = GAP
    what: str = "gap"
    who: str = "seeds"
    two_sided: bool = False
    shrinks: bool = False

    @classmethod
    def of(
        cls,
        found: Estimate,
        parts: Components | None,
        least: int,
        bounds: Bounds = GAP,
        what: str = "gap",
        who: str = "seeds",
        two_sided: bool = False,
    ) -> Measured:
        """An estimate with all that; the fields are those of the class."""
        given = (found.value, found.ci_low, found.ci_high, found.n, found.undefined, found.reason)
        return cls(*given, parts, least, bounds, what, who, two_sided)

    def parts_at(self, effect: float) -> Components | None:
        """The parts of the variance if the true figure is `effect`.

        Where it `shrinks`, the variance is in proportion to the distance to the upper end, beyond
        the figure that was seen. (By simulation it falls somewhat faster, so that the chance of an
        answer is not promised too high.)
        """
        top, seen = self.bounds[1], self.value
        if self.parts is None or not self.shrinks or top is None or seen is None or effect <= seen:
            return self.parts
        share = (top - effect) / (top - seen)
        parts = self.parts
        return replace(
            parts, seed=share * parts.seed, text=share * parts.text, joint=share * parts.joint
        )

    def line(self, delta: float) -> Line:
        """What the interval must lie above, or else below, for an answer."""
        return (delta, -delta) if self.two_sided else delta


def settle(found: Estimate, delta: float) -> str:
    """What an inconclusive finding on this figure would take, in plain sentences.

    An estimate that is not `Measured` tells how wide its interval is, and no more.
    """
    if found.value is None or found.ci_low is None or found.ci_high is None:
        return _sentence(found.reason or "there is no interval")
    power = power_of(found, delta)
    if power is None or not isinstance(found, Measured):
        half = (found.ci_high - found.ci_low) / 2
        return f"The interval reaches {half:.3f} to either side."
    supposed = f"the true {found.what} is the one seen here ({decimal(found.value)})"
    return " ".join(
        (
            _split(power, found.who),
            _sizes(power, supposed, found.who),
            _chances(power, found.what, found.who),
        )
    )


def power_of(found: Estimate, delta: float) -> Power | None:
    """Shares of the variance, sizes that would do, and chances at three true effects.

    None for an estimate without an interval, without the parts of its variance, or whose interval
    leaves the line that decides out.
    """
    if not isinstance(found, Measured) or found.parts is None:
        return None
    if found.value is None or found.ci_low is None or found.ci_high is None:
        return None
    line = found.line(delta)
    over, under = line if isinstance(line, tuple) else (line, line)
    if found.ci_low > over or found.ci_high < under:
        return None
    parts, seen, bounds = found.parts, found.value, found.bounds
    seeds, n = parts.seeds, parts.n
    shares = parts.shares(seeds, n)
    none, same, twice = (
        ChanceAt(
            effect=effect,
            chance=chance(found.parts_at(effect) or parts, seeds, n, effect, line, bounds),
        )
        for effect in effects(seen, delta, bounds)
    )
    more_seeds = seeds_needed(parts, n, seen, line, found.least, bounds)
    more_texts = texts_needed(parts, seeds, seen, line, bounds)
    both = None
    if more_seeds is None and more_texts is None:
        both = both_needed(parts, seen, line, bounds)
    return Power(
        seeds=seeds,
        texts=n,
        share_seeds=shares[0],
        share_texts=shares[1],
        share_both=shares[2],
        seeds_needed=more_seeds,
        texts_needed=more_texts,
        both_needed=None if both is None else Size(seeds=both[0], texts=both[1]),
        chances=Chances(none=none, seen=same, twice_delta=twice),
    )


def effects(seen: float, delta: float, bounds: Bounds = GAP) -> tuple[float, float, float]:
    """The true effects that are looked at: none, the one seen, and twice delta inside `bounds`."""
    most = bounds[1]
    return 0.0, seen, 2 * delta if most is None else min(2 * delta, most)


def _split(power: Power, who: str) -> str:
    """Which part of the variance is whose."""
    shares = {who: power.share_seeds, "texts": power.share_texts}
    if not any(shares.values()) and not power.share_both:
        return (
            f"The {who} did not differ on these texts. The only uncertainty is how often texts "
            "of another kind occur."
        )
    first, second = sorted(shares, key=lambda name: -shares[name])
    rest = [f"{percent(shares[second])} from differences between {second}"]
    if power.share_both >= SHOWN:
        rest.append(f"{percent(power.share_both)} from both together")
    if shares[first] < 0.5:
        rest.insert(0, f"{percent(shares[first])} from differences between {first}")
        return f"The uncertainty comes {_listed(rest)}."
    return (
        f"Most of the uncertainty comes from differences between {first} "
        f"({percent(shares[first])}; {_listed(rest)})."
    )


def _sizes(power: Power, supposed: str, who: str) -> str:
    """What would reach an answer four times in five, in a sentence or two."""
    seeds, texts, both = power.seeds_needed, power.texts_needed, power.both_needed
    answer = f"If {supposed}, this rule would reach an answer four times in five"
    if power.chances.seen.chance >= ENOUGH:
        return (
            f"If {supposed}, an audit of this size reaches an answer four times in five. Here it "
            "did not."
        )
    if seeds is not None and texts is not None:
        return (
            f"{answer} with {seeds:,} {who} on the same number of texts, or with the same "
            f"number of {who} on {texts:,} texts."
        )
    if seeds is not None:
        return f"{answer} with {seeds:,} {who}. More texts alone would not do that."
    if texts is not None:
        return f"{answer} with {texts:,} texts. More {who} alone would not do that."
    if both is not None:
        return (
            f"{answer} with {both.seeds:,} {who} on {both.texts:,} texts. More {who} alone, or "
            "more texts alone, would not do that."
        )
    return (
        f"If {supposed}, no number of {who} and texts would reach an answer: this value is too "
        "close to the limit."
    )


def _chances(power: Power, what: str, who: str) -> str:
    none, seen, twice = power.chances.none, power.chances.seen, power.chances.twice_delta
    return (
        f"With the present {power.seeds:,} {who} and {power.texts:,} texts, the chance of an "
        f"answer is {percent(none.chance)} if the true {what} is 0, {percent(seen.chance)} if "
        f"it is the one seen, and {percent(twice.chance)} if it is {twice.effect:g}."
    )


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
