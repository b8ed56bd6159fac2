"""How texts and tables name the terms: which names to look for, and which to leave alone."""

from __future__ import annotations

# Names that are everyday words, too. In running text they are not looked for.
_NAMES = """
    against, alpha, attention, attention weights, base, baseline, calibrate, content,
    contributions, controls, converged, convergence, curve, cut, desiderata, desideratum,
    effective, erased, evidence, excess, fail, faithful, figure, finding, findings, flip, flips,
    flow, for, gate, gates, group, groups, hard to manipulate, hash, heatmap, instance, instances,
    layer, layers, leak, look, looks, majority, manipulation, max, mean, meaning, metric, metrics,
    necessary, necessity, norms, optimum, out of context, outside, p, partial, pass, peaked,
    piece, pieces, pilot, plant, plants, position, power, query, random, record, records,
    reference, relevance, reordered, repair, repaired, repairs, residual, room, row, rows, s, scope,
    scratch, shuffle, shuffled, significance, significant, stability, stable, stopped improving,
    suite, suites, support, text, texts, token, trained, tying, uniform, unit, units, unstable,
    untrained, warm, weights, word, words
"""
EVERYDAY = frozenset(" ".join(_NAMES.split()).split(", "))
# Cells of tables that mean something else than the term of the same name.
OTHERWISE = frozenset(("unit", "figure", "metric", "trained", "base", "position", "look"))
# What the headers of tables call them.
HEADERS = {
    "sig": "p-value",
    "w-tau": "weighted tau",
    "top": "top overlap",
    "compr.": "comprehensiveness",
    "suff.": "sufficiency",
    "limit": "delta",
    "authors' lambda": "lambda",
    "authors' tvd": "TVD",
    "w&p tvd": "TVD",
    "flips": "flip",
    "never": "flip fraction",
    "guide": "guide",
}
