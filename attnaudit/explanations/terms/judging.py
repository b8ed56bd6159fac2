"""How evidence becomes findings and gates, and what is kept of it."""

from __future__ import annotations

from attnaudit.explanations.entry import Entry
from attnaudit.findings.desiderata import FINDINGS

_OWN = "this tool's own"

TERMS = (
    Entry(
        "term",
        "metric",
        "A figure of a report with a fixed name, its interval and its number of texts.",
        beside=("gate",),
        source=_OWN,
        aliases=("metrics", "figure"),
    ),
    Entry(
        "term",
        "finding",
        "What the evidence says about one property of attention as an explanation, by a stated "
        "rule.",
        beside=("necessary", "stable", "hard_to_manipulate", "out_of_context", "scope", "meaning"),
        traps="There is no overall yes or no. A finding is about one recipe, data set and split.",
        source="Wiegreffe & Pinter 2019; delta and interval are this tool's own",
        aliases=("findings", "desideratum", "desiderata"),
    ),
    Entry(
        "term",
        "scope",
        "The line that says which recipe, data, split, layer and row a finding is about.",
        beside=("finding",),
        source=_OWN,
    ),
    Entry(
        "term",
        "delta",
        "The smallest effect that matters: a finding counts only effects that are larger.",
        formula="for: the whole interval lies on the good side of delta",
        default=", ".join(f"{one.name} {one.delta:.3g}" for one in FINDINGS),
        beside=("finding", "interval"),
        traps="Choose it before you see the figures. `--delta`, or `deltas` in a configuration, "
        "changes it.",
        source=_OWN,
        aliases=("deltas", "smallest effect of interest"),
    ),
    Entry(
        "term",
        "meaning",
        "What the findings mean for showing the heatmap, in sentences that follow from their "
        "statuses by a fixed table.",
        beside=("finding", "heatmap"),
        traps="It is not an overall yes or no. What was not tested is not harmless.",
        source=_OWN,
        aliases=("what this means for showing the heatmap",),
    ),
    Entry(
        "term",
        "controls table",
        "The table of the controls that belong to the findings: each control, what to compare "
        "it with, and what it would mean.",
        beside=("evidence table", "shuffled attention", "peaked random attention"),
        source=_OWN,
        aliases=("controls",),
    ),
    Entry(
        "term",
        "power",
        "The chance that an audit with a given number of seeds and texts reaches an answer "
        "(for or against), if the true effect has a given size.",
        range="[0, 1]; .8 is usual",
        beside=("pilot", "inconclusive", "delta"),
        traps="It is estimated from few seeds, so it is given as a range. A range wider than .2 "
        "to .8 shows that the pilot is too small.",
        source="Cohen 1988, Statistical Power Analysis",
    ),
    Entry(
        "term",
        "pilot",
        "A few seeds that are trained first, to learn how much seeds and texts differ.",
        beside=("power",),
        traps="Four seeds show only roughly how much seeds vary.",
        source="common usage",
        aliases=("pilot seeds",),
    ),
    Entry(
        "term",
        "look",
        "One assessment of the findings after 5, 8, 12 or 20 seeds, when the number of seeds "
        "grows until the findings have an answer.",
        formula="error of all looks together .05; by the share t of seeds, alpha ln(1 + (e - 1) t) "
        "may be spent",
        beside=("interval", "seed", "power"),
        traps="Each look uses a wider interval than 95 %, because several looks have several "
        "chances to be wrong. A finding keeps the answer of the look that decided.",
        source="Lan & DeMets 1983",
        aliases=("looks", "spending function", "alpha spending"),
    ),
    Entry(
        "term",
        "plant",
        "A small data set and model for which the right answer of a finding is known, because "
        "we built them so.",
        beside=("calibration", "finding"),
        traps="Real models can fail in ways that no plant shows.",
        source=_OWN,
        aliases=("plants", "planted model"),
    ),
    Entry(
        "term",
        "calibration",
        "A run of the rules on plants, which shows for which plants the findings are right.",
        beside=("plant",),
        traps="A rule that is right on plants can still be wrong on your model.",
        source=_OWN,
        aliases=("calibrate",),
    ),
    Entry(
        "term",
        "evidence table",
        "The table at the top of a report: one line for each test, with what to compare it with.",
        beside=("finding",),
        source=_OWN,
        aliases=("evidence",),
    ),
    Entry(
        "term",
        "gate",
        "A condition in a policy that a report must satisfy: limits for a metric, or what a "
        "finding may say.",
        beside=("policy", "waiver"),
        traps="If a figure is undefined or rests on too few texts, the gate is inconclusive. It "
        "never passes then.",
        source=_OWN,
        aliases=("gates",),
    ),
    Entry(
        "term",
        "policy",
        "A YAML file of gates and waivers; `--policy` checks a report with it.",
        beside=("gate", "waiver"),
        source=_OWN,
    ),
    Entry(
        "term",
        "waiver",
        "An entry in a policy that excuses one gate for a stated reason, until a stated day.",
        beside=("gate",),
        traps="After that day the waiver is ignored, and the gate counts again.",
        source=_OWN,
        aliases=("waivers",),
    ),
    Entry(
        "term",
        "baseline",
        "An earlier run on the same data; `--baseline` compares a report with it.",
        beside=("gate",),
        traps="It has nothing to do with `seed-baseline`, which trains models with other seeds.",
        source=_OWN,
    ),
    Entry(
        "term",
        "records",
        "A file with one JSON line for each text, from which every figure of a report can be "
        "computed again.",
        beside=("manifest",),
        traps="They contain words only with `--text`. Attention weights and ids may still reveal "
        "something about people.",
        source=_OWN,
        aliases=("record",),
    ),
    Entry(
        "term",
        "manifest",
        "The part of a report that says how it was made: versions, settings, seeds, digests, "
        "device and times.",
        beside=("digest",),
        source=_OWN,
    ),
    Entry(
        "term",
        "digest",
        "A number computed from the content of a file; two files with the same digest are equal.",
        formula="SHA-256",
        beside=("manifest",),
        source="NIST FIPS 180-4",
        aliases=("sha256", "sha-256", "hash"),
    ),
    Entry(
        "term",
        "suite",
        "All questions in one run: `audit` trains a model, asks all questions and weighs the "
        "records.",
        beside=("finding",),
        source=_OWN,
        aliases=("suites",),
    ),
)
