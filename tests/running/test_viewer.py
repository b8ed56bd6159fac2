from __future__ import annotations

import pytest

from attnaudit.execution.observer import Silent
from attnaudit.questions import find_question
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.report.combine import combine
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions
from attnaudit.running.viewer import Viewer


def test_units_are_words_or_pieces(instances):
    assert instances[1].units(pieces=False) == ["unbearable", "from", "start"]
    assert instances[1].units(pieces=True) == ["un", "bear", "able", "from", "start"]


@pytest.mark.parametrize("pieces", [False, True])
def test_a_run_is_viewed_without_its_records_holding_words(tiny, tmp_path, pieces):
    viewer, path = Viewer(3), tmp_path / "records.jsonl"
    settings = CorrelateSettings(measures=("leave_one_out",))
    job = Job(str(tiny / "model.pt"), tiny / "data.yaml", records=path, pieces=pieces)
    run_questions([(find_question("correlate"), settings)], job, None, Silent(), viewer)
    assert '"tokens"' not in path.read_text()
    recorded = combine([path], heatmaps=3).gallery
    assert recorded is not None
    assert recorded.heatmaps == []
    gallery = viewer.gallery
    assert gallery is not None
    assert (len(gallery.heatmaps), gallery.of) == (3, 30)
    assert list(gallery.labels) == ["negative", "positive"]
    for heatmap in gallery.heatmaps:
        [attention, *_] = heatmap.rows
        assert len(heatmap.tokens) == len(attention.weights)
        assert sum(attention.weights) == pytest.approx(1, abs=1e-5)
