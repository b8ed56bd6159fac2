"""Jain & Wallace 2019 on their own SST sentences: the whole path against the published figures.

Retraining moves tau by up to .1 (their own code gives .18 to .23 where they print .35), so bounds
are wide; what must be exact is checked exactly.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.execution.observer import Silent
from attnaudit.importance.deletion_passes import leave_one_out
from attnaudit.models.checkpoint import load_checkpoint
from attnaudit.models.predict import Batches
from attnaudit.models.recipe import Overrides, read_config
from attnaudit.questions.correlate import QUESTION
from attnaudit.questions.correlate.settings import CorrelateSettings
from attnaudit.questions.variants import answers, permuted
from attnaudit.running.job import Job
from attnaudit.running.run import run_questions, run_training

ROOT = Path(__file__).parent.parent
SST = ROOT.parent / "shared" / "data" / "sst2_jw"
VECTORS = ROOT.parent / "shared" / "vectors" / "words-200d.vec.gz"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (SST.is_dir() and VECTORS.is_file()), reason="the SST data and vectors are not here"
    ),
]


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("sst") / "sst.yaml"
    files = "".join(f"{split}: {SST / split}.jsonl\n" for split in ("train", "dev", "test"))
    path.write_text(f"{files}labels: [negative, positive]\nmin_length: 6\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(spec):
    """Three epochs, of which the best on dev is one."""
    overrides = Overrides(data=spec, vectors=VECTORS, output=spec.parent / "run")
    config = read_config(ROOT / "sample_configs" / "paper_sst.yaml", overrides)
    short = config.model_copy(update={"training": config.training.model_copy(update={"epochs": 3})})
    return run_training(short, "cpu", 1, Silent(), False, ())


@pytest.mark.whole
def test_their_sentences(trained, spec):
    """One test, so that one process of several trains the model, and only once."""
    published_figures(trained, spec)
    leave_one_out_is_encoding_every_shortened_sentence(trained, spec)
    shuffled_answers_by_token_logits_are_those_of_the_whole_readout(trained, spec)


def published_figures(trained, spec):
    fitted, scores = trained
    job = Job(model=str(fitted.checkpoint), data=spec, device="cpu")
    measures = ("gradient", "leave_one_out", "random")
    report = run_questions([(QUESTION, CorrelateSettings(measures=measures))], job, None, Silent())
    found = {name: metric.value for name, metric in report.metrics.items()}
    assert scores.metrics["train.test.accuracy"].value == pytest.approx(0.808, abs=0.03)
    assert found["model.accuracy"] == scores.metrics["train.test.accuracy"].value
    assert found["correlate.gradient.tau.mean"] == pytest.approx(0.35, abs=0.1)
    assert found["correlate.gradient.tau.significant"] == pytest.approx(0.49, abs=0.2)
    assert found["correlate.leave_one_out.tau.mean"] == pytest.approx(0.29, abs=0.1)
    assert found["correlate.leave_one_out.tau.significant"] == pytest.approx(0.36, abs=0.2)
    assert found["correlate.gradient~leave_one_out.tau.mean"] > 0.4
    assert abs(found["correlate.random.tau.mean"]) < 0.02


@torch.no_grad()
def leave_one_out_is_encoding_every_shortened_sentence(trained, spec):
    checkpoint = load_checkpoint(trained[0].checkpoint)
    model, vocabulary = checkpoint.model, checkpoint.model.spec.vocabulary
    data = load_dataset(load_spec(spec), "test", min_words=2, limit=150)
    worst = 0.0
    for batch in Batches(data.instances, vocabulary, model.boundaries, torch.device("cpu")):
        probs = model(batch).softmax(-1)
        shared = leave_one_out(model, batch, probs, 4096)
        for b in range(len(batch)):
            one = batch.select(torch.tensor([b]))
            for w in range(int(one.word_counts[0])):
                alone = model(one.keep(one.words != w)).softmax(-1)
                tvd = (alone - probs[b]).abs().sum() / 2
                worst = max(worst, abs(float(tvd - shared[b, w])))
    assert worst <= 1e-5


@torch.no_grad()
def shuffled_answers_by_token_logits_are_those_of_the_whole_readout(trained, spec):
    checkpoint = load_checkpoint(trained[0].checkpoint)
    model, vocabulary = checkpoint.model, checkpoint.model.spec.vocabulary
    data = load_dataset(load_spec(spec), "test", min_words=2)
    worst = 0.0
    for batch in Batches(data.instances, vocabulary, model.boundaries, torch.device("cpu")):
        encoded = model.encode(batch)
        names = [data.instances[0].id] * len(batch)
        weights = permuted(model.attend(encoded), encoded.content, 20, names, 0)
        whole = model.read(encoded, weights).softmax(-1)
        worst = max(worst, float((answers(model, encoded, weights) - whole).abs().max()))
    assert worst <= 1e-6
