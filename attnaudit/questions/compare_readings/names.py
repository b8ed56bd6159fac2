"""What records of `compare-readings` hold of each text: names of operators and figures."""

from __future__ import annotations

from attnaudit.records.metric import PLACEHOLDERS

OPERATORS = PLACEHOLDERS["operator"]
SOFT = PLACEHOLDERS["softness"]  # how much of each word is erased, see `make.soft`
SOFT_SHARE = 0.5  # of the numbers that are kept where rankings keep the same share
FLOOR = "random"  # the importance that every ranking is put beside
BASE = "mean"  # the reading that gains are over
EXACT_WORDS = 12  # up to here the least and greatest scores are exact
