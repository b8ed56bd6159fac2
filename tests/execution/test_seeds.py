from __future__ import annotations

from attnaudit.execution.seeds import generator_for


def test_id_and_seeds_decide():
    def draw(*key):
        return generator_for(*key).random(4).tolist()

    assert draw("a", 0) == draw("a", 0)
    drawn = [draw("a", 0), draw("b", 0), draw("a", 1), draw("a", 0, 0), draw("a", 0, 1)]
    assert len({tuple(d) for d in drawn}) == 5
