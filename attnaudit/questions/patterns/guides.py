"""The names of what chooses patterns, and of the sets of patterns that are kept."""

from __future__ import annotations

INFLUENCE, RANDOM = "influence", "random"
ATTENTION_GREEDY, ATTENTION_BEST = "attention_greedy", "attention_best"
GUIDES = {
    INFLUENCE: "influence",
    ATTENTION_GREEDY: "attention, greedy",
    ATTENTION_BEST: "attention, best path",
    RANDOM: "random",
}
POSITIVE, NEGATIVE, NOTHING = "positive", "negative", "nothing"
KEPT = {
    **{name: f"{words}, all words" for name, words in GUIDES.items()},
    POSITIVE: "influence, words for the answer",
    NEGATIVE: "influence, words against it",
    NOTHING: "no pattern: the baseline",
}
LEVELS = ("positions", "heads")
