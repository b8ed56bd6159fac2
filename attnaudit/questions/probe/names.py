"""What the guides of probes are called for readers; metrics and settings have short names."""

from __future__ import annotations

_WORDS = {
    "uniform": "uniform weights",
    "trained": "the probe's own weights",
    "base": "the audited model's weights",
    "shuffled": "the audited weights shuffled",
    "untrained": "an untrained model's weights",
    "position": "weights by position only",
    "adversary": "the adversary's weights",
}


def guide_words(name: str) -> str:
    """The guide called `name` in words; one that the user has named keeps that name."""
    return _WORDS.get(name, f"guide {name}")
