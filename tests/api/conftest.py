from __future__ import annotations

import random

import pytest

QUICK = {"correlate": {"measure": ["gradient", "random"]}, "permute": {"permutations": 3}}


@pytest.fixture(scope="session")
def made(tiny):
    """A result of two questions on the tiny model, with words kept."""
    import attnaudit

    return attnaudit.audit(
        tiny / "model.pt",
        tiny / "data.yaml",
        ["correlate", "permute"],
        settings=QUICK,
        text=True,
        show=2,
    )


@pytest.fixture(scope="session")
def rows():
    """Texts with their labels, some of them long."""
    drawn = random.Random(0)
    words = ("good", "bad", "film", "the", "was", "and", "ok")
    return [
        (" ".join(drawn.choices(words, k=drawn.randint(3, 14))), ("no", "yes")[i % 2])
        for i in range(16)
    ]
