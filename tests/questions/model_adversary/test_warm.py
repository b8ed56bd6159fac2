"""Where warm-started models begin: in models that seed-baseline kept, or in seeds trained here."""

from __future__ import annotations

import pytest
import torch

from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError
from attnaudit.execution.files import sha256_file
from attnaudit.execution.observer import Silent
from attnaudit.models.checkpoint import load_checkpoint
from attnaudit.models.retraining import Retraining, Trainable
from attnaudit.models.untrained import untrained
from attnaudit.questions.model_adversary.starts import read_start
from attnaudit.questions.model_adversary.warm import WarmStarts, facts_of_kept
from attnaudit.questions.recording import Ledger


@pytest.fixture(scope="module")
def retraining(tiny):
    base = load_checkpoint(tiny / "model.pt")
    spec = base.model.spec
    data = load_spec(tiny / "data.yaml")
    splits = {split: load_dataset(data, split) for split in ("train", "dev", "test")}
    made = untrained(base.config, spec, Silent())
    recipe = Trainable(
        made.fresh,
        made.probe,
        base.config.training.model_copy(update={"epochs": 1}),
        None,
        made.saving(base.reading),
    )
    return Retraining(base.model, spec, recipe, splits, torch.device("cpu"))


@pytest.fixture
def ledger(tiny):
    return Ledger("test", model_sha256=sha256_file(tiny / "model.pt"))


@pytest.fixture
def keep(retraining, ledger, tmp_path):
    """Keep a model of seed 1 as seed-baseline does, with other facts where some are given."""

    def write(seed=1, **other):
        folder = tmp_path / "seeds"
        folder.mkdir(exist_ok=True)
        facts = {"kept": "seed-baseline", "seed": seed, **facts_of_kept(retraining, ledger)}
        record = {**facts, "digest": f"of {seed}", **other}
        model = retraining.fresh(100 + seed)
        retraining.recipe.saving.write(model, folder / f"seed{seed}.pt", record)
        return folder, model

    return write


def same(model, other):
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_it_begins_with_the_weights_that_were_kept(retraining, ledger, keep):
    folder, kept = keep()
    warm = WarmStarts(retraining, read_start(folder))
    warm.check(ledger)
    model = warm.begin(1, Silent())
    assert same(model, kept)
    assert all(weight.requires_grad for weight in model.parameters())
    assert (warm.seeds, warm.origin(1)) == ([1], "of 1")


def test_without_a_folder_the_recipe_is_trained_once(retraining, ledger):
    trained = []

    class Listener(Silent):
        def task(self, title, total, done=0):
            trained.append(title)
            return super().task(title, total, done)

    warm = WarmStarts(retraining, None)
    warm.check(ledger)
    first, again = (warm.begin(3, Listener()) for _ in range(2))
    assert trained == ["seed 3"]
    assert same(first, again)
    assert not same(first, retraining.fresh(3))
    whole = retraining.fresh(3)
    retraining.learn(whole, 3, Silent(), "as seed-baseline does")
    assert same(first, whole)
    assert warm.seeds == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"kept": "something"}, "seed1.pt: is not a model of seed-baseline"),
        ({"base_sha256": "ab"}, "seed1.pt: was trained for another audited model"),
        ({"data_sha256": ["a", "b"]}, "seed1.pt: was trained on other data"),
        ({"schedule": {}}, "seed1.pt: was trained by another recipe"),
        ({"seed": 2}, "seed1.pt: is not of seed 1"),
    ],
)
def test_models_of_something_else_are_refused_by_name(retraining, ledger, keep, other, said):
    folder, _ = keep(**{"seed": 1, **{k: v for k, v in other.items() if k != "seed"}})
    if "seed" in other:
        keep(2)
        (folder / "seed2.pt").replace(folder / "seed1.pt")
    with pytest.raises(InputError, match=said):
        WarmStarts(retraining, read_start(folder)).check(ledger)


def test_the_audited_models_own_seed_is_refused(retraining, ledger, keep):
    folder, _ = keep(retraining.schedule.seed)
    with pytest.raises(InputError, match=r"seed0\.pt: repeats the audited model: both are of seed"):
        WarmStarts(retraining, read_start(folder)).check(ledger)


def test_a_damaged_model_is_named(retraining, ledger, keep):
    folder, _ = keep()
    (folder / "seed2.pt").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match=r"seed2\.pt"):
        WarmStarts(retraining, read_start(folder)).check(ledger)


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_without_models(tmp_path, make):
    if make:
        (tmp_path / "seeds").mkdir()
    with pytest.raises(InputError, match="is not a folder with models of seed-baseline"):
        read_start(tmp_path / "seeds")


def test_another_model_is_another_folder(keep):
    folder, _ = keep()
    before = read_start(folder)
    assert before.models.keys() == {1}
    keep(2)
    after = read_start(folder)
    assert after.models.keys() == {1, 2}
    assert after.sha256 != before.sha256
