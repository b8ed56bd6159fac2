from __future__ import annotations

import json

import numpy as np

from attnaudit.questions.gallery import Heatmap, Weights
from attnaudit.report.interactive.content import Movable, Movables, as_json


def test_importances_with_a_sign_are_taken_by_their_size() -> None:
    rows = [Weights("the model's attention", [0.9, 0.1]), Weights("gradient", [-0.75, 0.25])]
    heatmap = Heatmap("text 0", ["a", "film"], 0, 0, rows)
    text = Movable(heatmap, np.array([[0.9, 0.1]]), [0, 1], [], [])
    [told] = json.loads(as_json(Movables([text], [], True), ["bad", "good"]))["texts"]
    assert [row["weights"] for row in told["rows"]] == [[0.9, 0.1], [0.75, 0.25]]
