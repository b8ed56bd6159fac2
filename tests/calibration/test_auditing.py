from dataclasses import replace
from pathlib import Path

import pytest
import torch

from attnaudit.calibration.auditing import Auditing, audit_plant, settings_of
from attnaudit.calibration.checks import check, junk
from attnaudit.calibration.plants import PLANTS
from attnaudit.calibration.running import QUICK
from attnaudit.calibration.verdicts import verdict
from attnaudit.config import Document
from attnaudit.models.interface import AttentionModel
from attnaudit.questions import all_questions
from attnaudit.running.plans import _plan, section_type

SEED = 1000  # not one of those that judge


def test_a_plant_is_asked_what_a_suite_asks_by_default():
    plan = _plan(section_type()(), Document({}, {}, {}, Path("train.yaml")))
    trained = [question for question in all_questions() if question.decides]
    assert len(trained) == 3
    for question in trained:
        wanted = plan.settings[question.name].model_copy(update={"seed": 7})
        assert settings_of(question, 7) == wanted


@pytest.mark.parametrize("name", ["coin-seed", "coin-text", "copy-head", "three"])
def test_kept_models_are_read_as_they_were(name, tmp_path):
    retraining = replace(PLANTS[name], trained=False).grow(SEED)
    assert retraining.recipe.saving is not None
    model, path = retraining.fresh(3), tmp_path / "seed3.pt"
    with torch.no_grad():
        model.get_parameter(next(iter(dict(model.named_parameters())))).add_(1)
    retraining.recipe.saving.write(model, path, {"kept": "seed-baseline", "seed": 3})
    found = retraining.recipe.load(path)
    assert found.training == {"kept": "seed-baseline", "seed": 3}
    assert found.spec == retraining.spec
    batch = next(iter(retraining.batches("dev")))
    assert isinstance(found.model, AttentionModel)
    assert torch.equal(found.model.eval()(batch), model.eval()(batch))
    assert getattr(found.model, "word", None) == getattr(model, "word", None)


def test_records_say_which_plants_are_supervised(tmp_path):
    said = {}
    for name in ("marker", "noise", "copy-head"):
        retraining = replace(PLANTS[name], trained=False).grow(SEED)
        said[name] = Auditing(retraining, tmp_path, name, SEED)._facts()
    assert said["marker"]["supervised"] is True
    assert "supervised" not in said["noise"]
    assert said["copy-head"]["kind"] == "transformer"


@pytest.mark.parametrize(
    "name",
    [
        "copy-head",
        *(
            pytest.param(name, marks=pytest.mark.whole)
            for name in ("idle-head", "null-space-head", "ninety")
        ),
    ],
)
def test_what_needs_no_training_is_seen(name):
    few = {**PLANTS[name].sizes, "test": 100}  # each text is seen by itself
    retraining = replace(PLANTS[name], sizes=few).grow(SEED)
    for one, expected in PLANTS[name].expected.items():
        if expected in ("yes", "no"):
            assert check(one, retraining) is (expected == "yes")


def test_which_texts_have_idle_attention():
    idle = {
        name: junk(PLANTS[name].grow(SEED)).mean() for name in ("ninety", "copy-head", "idle-head")
    }
    assert 0.05 < idle["ninety"] < 0.15
    assert (idle["copy-head"], idle["idle-head"]) == (0, 1)


@pytest.mark.whole  # each retrains what the findings need, in full size
@pytest.mark.parametrize("name", QUICK)
def test_a_quick_plant_is_found_out(name):
    plant = PLANTS[name]
    found = audit_plant(name, plant, SEED)
    assert found.keys() == plant.expected.keys()
    for finding, expected in plant.expected.items():
        assert verdict(expected, {found[finding]: 1}) == "holds", (finding, found[finding])
