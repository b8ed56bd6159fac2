from __future__ import annotations

import json
import random
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from attnaudit.data.loading import load_dataset
from attnaudit.data.spec import load_spec
from attnaudit.errors import InputError, ModelError, OutputError
from attnaudit.execution.files import sha256_file, sha256_folder
from attnaudit.execution.observer import Silent
from attnaudit.measures.scores import accuracy, auroc, f1
from attnaudit.models import fit as fit_module
from attnaudit.models.checkpoint import load_checkpoint
from attnaudit.models.fit import Fitted, fit
from attnaudit.models.predict import Batches, predict
from attnaudit.models.recipe import FineTuneConfig, Overrides, TrainConfig, read_config
from attnaudit.models.untrained import load_trained, reading_of

CPU = torch.device("cpu")
NONE = Overrides()
SPEC = "train: train.jsonl\ndev: dev.jsonl\ntest: test.jsonl\n"
CONFIG = """\
data: data.yaml
output: {output}
model: {{encoder: average, embedding: 6, hidden: 4}}
training: {{epochs: 3, batch_size: 8, learning_rate: 0.02}}
"""


class Listener(Silent):
    """Hears remarks, counts tasks, and interrupts after so many steps."""

    def __init__(self, step=None):
        self.step, self.steps, self.tasks, self.remarks = step, 0, 0, []

    @contextmanager
    def task(self, title, total, done=0):
        self.tasks += 1
        yield self

    def advance(self, steps=1, info=""):
        self.steps += steps
        if steps and self.steps == self.step:
            raise KeyboardInterrupt

    def say(self, remark):
        self.remarks.append(remark)


def rows(n, seed, **more):
    chance = random.Random(seed)
    made = []
    for i in range(n):
        words = [f"w{chance.randrange(12)}" for _ in range(chance.randrange(1, 6))]
        words.insert(chance.randrange(len(words) + 1), "good" if i % 2 else "bad")
        made.append({"text": " ".join(words), "label": "np"[i % 2], **more})
    return made


def write_rows(path: Path, made) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in made))


@pytest.fixture
def folder(tmp_path) -> Path:
    """A data set of three files with its spec, and a configuration that trains on it."""
    for seed, (split, n) in enumerate([("train", 40), ("dev", 16), ("test", 12)]):
        write_rows(tmp_path / f"{split}.jsonl", rows(n, seed))
    (tmp_path / "data.yaml").write_text(SPEC)
    (tmp_path / "config.yaml").write_text(CONFIG.format(output=tmp_path / "out"))
    return tmp_path


@pytest.fixture
def run(folder):
    """Fits the configuration, with `more` lines below it."""

    def make(more="", overrides=NONE, observer=None, resume=False, reuse=False) -> Fitted:
        config = folder / "config.yaml"
        text = CONFIG.format(output=folder / "out") + more
        config.write_text(text)
        return fit(read_config(config, overrides), CPU, observer or Silent(), resume, reuse)

    return make


# --- read_config -----------------------------------------------------------------------------


def test_paths_are_relative_to_the_configuration(folder, monkeypatch):
    (folder / "config.yaml").write_text("data: a/data.yaml\nvectors: {file: v.vec, tune: false}\n")
    monkeypatch.chdir(folder.parent)
    config = read_config(Path(folder.name) / "config.yaml", NONE)
    assert config.data == Path(folder.name) / "a/data.yaml"
    assert config.vectors is not None
    assert config.vectors.file == Path(folder.name) / "v.vec"
    assert not config.vectors.tune
    assert config.output == Path("config")  # in the working folder


def test_the_command_line_overrides_the_file(folder):
    path = folder / "config.yaml"
    path.write_text("data: a.yaml\nvectors: {file: v.vec, tune: false}\ntraining: {epochs: 2}\n")
    said = Overrides(data=Path("b.yaml"), vectors=Path("u.vec"), seed=9, output=Path("here"))
    config = read_config(path, said)
    assert (config.data, config.output) == (Path("b.yaml"), Path("here"))
    assert (config.training.seed, config.training.epochs) == (9, 2)
    assert config.vectors is not None
    assert (config.vectors.file, config.vectors.tune) == (Path("u.vec"), False)
    path.write_text("data: {reviews: {}}\n")
    config = read_config(path, said)
    assert config.data == Path("b.yaml")
    assert config.vectors is not None
    assert config.vectors.tune


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modle: {}\ndata: a", ":1: unknown key 'modle'; did you mean 'model'?"),
        (
            "data: a\ntraining:\n  epoch: 3\n",
            ":3: unknown key 'training.epoch'; did you mean 'epochs'?",
        ),
        (
            "data: a\nmodel:\n  encoder: lstm\n",
            ":3: model.encoder: should be 'bilstm', 'orthogonal_bilstm', 'cnn' or 'average', not "
            "'lstm'",
        ),
        (
            "training: {epochs: many}",
            ":1: training.epochs: should be a valid integer, not 'many'",
        ),
        (
            "training: {epochs: 0}",
            ":1: training.epochs: should be greater than or equal to 1, not 0",
        ),
        (
            "training:\n  learning_rate: .nan",
            ":2: training.learning_rate: should be a finite number, not nan",
        ),
        (
            "model:\n  {encoder: cnn, hidden: 10}",
            ":1: model: hidden 10 is not a multiple of 4, the number of kernel sizes of a CNN",
        ),
        ("vectors: {tune: true}", ":1: the key 'vectors.file' is missing"),
        (
            "model: {}",
            ": does not say which data to use; add `data: SPEC.yaml`, or give --data SPEC.yaml "
            "on the",
        ),
        ("", ": does not contain a YAML mapping"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, text, said):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_config(path, NONE)
    assert str(caught.value).startswith(f"{path}{said}")


def test_every_sample_training_configuration_can_be_read():
    samples = sorted((Path(__file__).parents[2] / "sample_configs").glob("*.yaml"))
    configs = [path for path in samples if "\ntraining:" in path.read_text()]
    assert configs
    for path in configs:
        assert read_config(path, Overrides(data=Path("data.yaml"))).output == Path(path.stem)


# --- fit -------------------------------------------------------------------------------------


def test_a_fit_leaves_one_checkpoint_that_scores_as_reported(run, folder):
    fitted = run()
    assert [p.name for p in fitted.folder.iterdir()] == ["model.pt"]
    assert fitted.checkpoint == folder / "out" / "model.pt"
    checkpoint = load_checkpoint(fitted.checkpoint)
    model = checkpoint.model
    for split in ("dev", "test"):
        data = load_dataset(load_spec(folder / "data.yaml"), split)
        probs = predict(model, Batches(data.instances, model.spec.vocabulary, True, CPU))
        gold = [i.label for i in data.instances]
        for score in (accuracy, f1, auroc):
            estimate = fitted.summary.metrics[f"train.{split}.{score.__name__}"]
            assert estimate.value == score(gold, probs)
            assert estimate.n == len(gold)
    assert len(fitted.summary.metrics) == 6
    epochs = checkpoint.training["epochs"]
    assert [list(epoch) for epoch in epochs] == [["loss", "auroc"]] * 3
    best = checkpoint.training["best_epoch"]
    assert epochs[best - 1]["auroc"] == fitted.summary.metrics["train.dev.auroc"].value
    assert checkpoint.config.model == model.recipe
    assert [table.rows[0][0] for table in fitted.summary.tables.values()] == [1, "dev"]


def test_a_fit_without_a_test_split_scores_dev_alone(run, folder):
    (folder / "data.yaml").write_text("train: train.jsonl\ndev: dev.jsonl\n")
    assert {name.split(".")[1] for name in run().summary.metrics} == {"dev"}


def test_scores_that_need_two_classes_say_so(run, folder):
    for split in ("train", "dev", "test"):
        made = rows(24, 5)
        for i, row in enumerate(made):
            row["label"] = str(i % 3)
        write_rows(folder / f"{split}.jsonl", made)
    metrics = run().summary.metrics
    assert metrics["train.test.auroc"].value is None
    assert metrics["train.test.auroc"].reason == "needs two classes, and texts of both"
    assert metrics["train.test.accuracy"].reason is None


def test_the_same_configuration_gives_the_same_file(run):
    first = sha256_file(run().checkpoint)
    assert sha256_file(run().checkpoint) == first
    assert sha256_file(run(overrides=Overrides(seed=1)).checkpoint) != first


def test_words_are_counted_in_the_train_split_alone(run, folder):
    write_rows(folder / "dev.jsonl", [*rows(16, 1), {"text": "only here", "label": "n"}])
    words = load_checkpoint(run().checkpoint).model.spec.vocabulary.words
    assert "only" not in words
    assert set(words[:2]) == {"good", "bad"}
    some = load_checkpoint(run("vocabulary: {min_count: 20}\n").checkpoint)
    assert set(some.model.spec.vocabulary.words) == {"good", "bad"}


def test_the_embedded_reviews_need_no_data(folder):
    path = folder / "config.yaml"
    path.write_text(
        "data: {reviews: {train: 40, dev: 10, test: 10}}\nmodel: {encoder: average, embedding: 6,"
        f" hidden: 4}}\ntraining: {{epochs: 1}}\noutput: {folder / 'out'}\n"
    )
    fitted = fit(read_config(path, NONE), CPU, Silent(), resume=False)
    assert fitted.data.parent == folder / "out"
    assert len(fitted.dataset.instances) == 40
    assert fitted.summary.metrics["train.test.f1"].n == 10


def test_one_file_whose_rows_name_their_split(run, folder):
    made = [{**row, "split": s} for s, n in (("train", 40), ("dev", 16)) for row in rows(n, 1)]
    write_rows(folder / "all.jsonl", made)
    (folder / "data.yaml").write_text("file: all.jsonl\nfields: {split: split}\n")
    assert len(run().dataset.instances) == 40


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_split_that_training_needs_is_missing(run, folder, split):
    kept = [line for line in SPEC.splitlines() if not line.startswith(split)]
    (folder / "data.yaml").write_text("\n".join(kept))
    with pytest.raises(InputError) as caught:
        run()
    assert str(caught.value) == (
        f"{folder / 'data.yaml'}: has no {split} split, which training needs; name its file "
        f"as `{split}:` in a dataset spec"
    )


def test_a_bare_file_has_no_splits(run, folder):
    with pytest.raises(InputError, match=r"train\.jsonl: has no train split"):
        run(overrides=Overrides(data=folder / "train.jsonl"))


def test_a_mistake_in_the_test_split_is_found_before_training(run, folder):
    write_rows(folder / "test.jsonl", [*rows(4, 2), {"text": "a", "label": "wrong"}])
    observer = Listener()
    with pytest.raises(InputError, match=r"test\.jsonl:5: the label 'wrong'"):
        run(observer=observer)
    assert not observer.tasks


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (
            "train",
            "the dev split has no query, but the train split has one; give all splits a "
            "query, or no split",
        ),
        (
            "test",
            "the test split has a query, but the train split has none; give all splits a "
            "query, or no split",
        ),
    ],
)
def test_pairs_in_one_split_only_are_refused(run, folder, split, said):
    write_rows(folder / f"{split}.jsonl", rows(12, 3, query="why so"))
    with pytest.raises(InputError, match=said):
        run()


def test_pairs_train_a_paired_model(run, folder):
    for split in ("train", "dev", "test"):
        write_rows(folder / f"{split}.jsonl", rows(16, 3, query="why so"))
    model = load_checkpoint(run().checkpoint).model
    assert model.spec.paired
    assert "why" in model.spec.vocabulary.words


def test_an_output_that_cannot_be_written_is_found_before_training(run, folder):
    (folder / "out").write_text("a file")
    observer = Listener()
    with pytest.raises(OutputError, match="out: cannot be written"):
        run(observer=observer)
    (folder / "out").unlink()
    (folder / "out" / "model.pt").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"model\.pt: is a folder"):
        run(observer=observer)
    assert not observer.tasks


# --- resuming --------------------------------------------------------------------------------


def test_an_interrupted_fit_ends_with_the_same_checkpoint(run, folder):
    expected = torch.load(run().checkpoint, weights_only=True)
    (folder / "out" / "model.pt").unlink()
    with pytest.raises(KeyboardInterrupt):
        run(observer=Listener(step=8))
    assert [p.name for p in (folder / "out").iterdir()] == ["training.state"]
    observer = Listener()
    found = torch.load(run(observer=observer, resume=True).checkpoint, weights_only=True)
    assert observer.steps == 10
    weights, others = found.pop("weights"), expected.pop("weights")
    assert found == expected
    assert all(torch.equal(weights[name], others[name]) for name in others)
    assert [p.name for p in (folder / "out").iterdir()] == ["model.pt"]


def test_a_training_is_not_lost_when_its_result_cannot_be_kept(run, folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(fit_module, "_summary", None)
        with pytest.raises(TypeError):
            run()
    observer = Listener()
    run(observer=observer, resume=True)
    assert observer.steps == 0


def change_seed(folder):
    return Overrides(seed=3)


def change_case(folder):
    (folder / "data.yaml").write_text(SPEC + "lowercase: true\n")
    return NONE


def change_train(folder):
    write_rows(folder / "train.jsonl", rows(39, 0))
    return NONE


@pytest.mark.parametrize("change", [change_seed, change_case, change_train])
def test_a_changed_training_is_not_resumed(run, folder, change):
    with pytest.raises(KeyboardInterrupt):
        run(observer=Listener(step=8))
    overrides = change(folder)
    with pytest.raises(InputError, match="another configuration or other data; delete it, or"):
        run(overrides=overrides, resume=True)
    run(overrides=overrides)


# --- vectors ---------------------------------------------------------------------------------


@pytest.fixture
def vectors(folder):
    """Five-dimensional vectors, of spread 3, for `good` and w0 to w7, not for `bad`."""
    chance = np.random.default_rng(0)
    table = {word: chance.normal(0, 3, 5) for word in ["good", *(f"w{i}" for i in range(8)), "no"]}
    lines = [f"{word} {' '.join(f'{x:.4f}' for x in v)}" for word, v in table.items()]
    (folder / "v.vec").write_text("\n".join(lines) + "\n")
    return {line.split()[0]: np.array(line.split()[1:], np.float32) for line in lines}


def test_vectors_stand_where_the_words_are(run, vectors):
    observer = Listener()
    fitted = run("vectors: {file: v.vec, tune: false}\n", observer=observer)
    model = load_checkpoint(fitted.checkpoint).model
    vocabulary, table = model.spec.vocabulary, model.embedding.weight.detach().numpy()
    assert model.recipe.embedding == 5
    known = [word for word in vocabulary.words if word in vectors]
    assert len(known) == 9
    for word in known:
        (i,) = vocabulary.ids([word])
        np.testing.assert_array_equal(table[i], vectors[word])
    assert (table[0] == 0).all()
    assert [r.split(": ")[1] for r in observer.remarks] == ["vectors for 9 of 14 words"]


def test_words_without_a_vector_keep_a_random_one_of_the_same_spread(run, vectors):
    frozen = run("vectors: {file: v.vec, tune: false}\n")
    model = load_checkpoint(frozen.checkpoint).model
    words = [w for w in model.spec.vocabulary.words if w not in vectors]
    spread = np.stack([v for w, v in vectors.items() if w != "no"]).std(ddof=1)
    drawn = model.fresh(0).embedding.weight.detach()
    for i in (1, 2, 3, *model.spec.vocabulary.ids(words)):
        expected = drawn[i] * spread
        torch.testing.assert_close(model.embedding.weight[i], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("paired", [False, True])
def test_tuned_vectors_move_and_frozen_ones_do_not(run, folder, vectors, paired):
    if paired:
        for split in ("train", "dev", "test"):
            write_rows(folder / f"{split}.jsonl", rows(24, 3, query="w1 good"))

    def moved(tune):
        fitted = run(f"vectors: {{file: v.vec, tune: {str(tune).lower()}}}\n")
        model = load_checkpoint(fitted.checkpoint).model
        (i,) = model.spec.vocabulary.ids(["good"])
        tables = [model.embedding] + ([model.query_embedding] if paired else [])
        return [not np.array_equal(t.weight[i].detach(), vectors["good"]) for t in tables]

    assert moved(True) == [True] * (1 + paired)
    assert moved(False) == [False] * (1 + paired)


def test_vectors_from_the_command_line_are_tuned(folder, vectors):
    config = read_config(folder / "config.yaml", Overrides(vectors=folder / "v.vec"))
    assert isinstance(config, TrainConfig)
    assert config.vectors is not None
    assert config.vectors.tune


def test_vectors_that_were_exchanged_are_another_training(run, folder, vectors):
    more = "vectors: {file: v.vec}\n"
    run(more)
    listener = Listener()
    run(more, observer=listener, reuse=True)
    assert listener.tasks == 0
    (folder / "v.vec").write_text((folder / "v.vec").read_text().replace("good", "bad"))
    run(more, observer=listener, reuse=True)
    assert listener.tasks == 1


# --- what stands there already ---------------------------------------------------------------


def test_a_model_of_the_same_training_is_taken_as_it_is(run):
    first = run()
    content, listener = first.checkpoint.read_bytes(), Listener()
    again = run(observer=listener, reuse=True)
    assert listener.tasks == 0
    assert again.checkpoint.read_bytes() == content
    assert again.summary.metrics == first.summary.metrics
    assert again.summary.tables == first.summary.tables
    run(observer=listener)  # only if asked to
    assert listener.tasks == 1


@pytest.mark.parametrize("change", [change_seed, change_case, change_train])
def test_a_model_of_another_training_is_replaced(run, folder, change):
    before = run().checkpoint.read_bytes()
    overrides, listener = change(folder), Listener()
    after = run(overrides=overrides, observer=listener, reuse=True)
    assert listener.tasks == 1
    assert after.checkpoint.read_bytes() != before
    assert after.summary.metrics == run(overrides=overrides).summary.metrics


def test_settings_of_audits_do_not_concern_a_training(run):
    run()
    listener = Listener()
    run("audit: {skip: [probe]}\n", observer=listener, reuse=True)
    assert listener.tasks == 0


def test_a_damaged_model_is_trained_anew(run):
    whole = run()
    content, listener = whole.checkpoint.read_bytes(), Listener()
    whole.checkpoint.write_bytes(content[:-2000])
    assert run(observer=listener, reuse=True).checkpoint.read_bytes() == content
    assert listener.tasks == 1


def test_an_interrupted_training_goes_on_to_the_same_bytes(run, folder):
    whole = run().checkpoint.read_bytes()
    (folder / "out" / "model.pt").unlink()
    with pytest.raises(KeyboardInterrupt):
        run(observer=Listener(step=8))
    assert (folder / "out" / "training.state").exists()
    listener = Listener()
    assert run(observer=listener, reuse=True).checkpoint.read_bytes() == whole
    assert listener.steps == 15 - 5  # its first epoch was done
    assert not (folder / "out" / "training.state").exists()


def test_what_another_training_has_left_is_no_obstacle(run, folder):
    with pytest.raises(KeyboardInterrupt):
        run(observer=Listener(step=8))
    overrides, listener = change_seed(folder), Listener()
    run(overrides=overrides, observer=listener, reuse=True)
    assert listener.steps == 15
    (folder / "out" / "model.pt").unlink()
    (folder / "out" / "training.state").write_bytes(b"garbage")
    run(observer=listener, reuse=True)
    assert listener.steps == 30


# --- fine-tuning -----------------------------------------------------------------------------


FINE = """\
data: data.yaml
output: {output}
model: {{pretrained: {pretrained}}}
training: {{epochs: 3, batch_size: 8, learning_rate: 0.01}}
"""


@pytest.fixture
def fine(folder, pretrained):
    """Fine-tunes on the same data."""

    def make(name="out", overrides=NONE, observer=None, resume=False, reuse=False, begin=None):
        config = folder / "fine.yaml"
        config.write_text(FINE.format(output=folder / name, pretrained=begin or pretrained))
        return fit(read_config(config, overrides), CPU, observer or Silent(), resume, reuse)

    return make


def test_pretrained_folders_are_relative_to_the_configuration(
    folder, write_pretrained, monkeypatch
):
    path = folder / "fine.yaml"
    path.write_text("data: data.yaml\nmodel: {pretrained: bert, revision: v2}\n")
    config = read_config(path, NONE)
    assert isinstance(config, FineTuneConfig)
    assert (config.model.pretrained, config.model.revision) == ("bert", "v2")  # of the hub
    write_pretrained(folder / "bert")
    monkeypatch.chdir(folder.parent)
    config = read_config(Path(folder.name) / "fine.yaml", NONE)
    assert isinstance(config, FineTuneConfig)
    assert Path(config.model.pretrained) == Path(folder.name) / "bert"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: {pretrained: b, encoder: cnn}", ":1: unknown key 'model.encoder'"),
        ("model: {pretrained: 3}", ":1: model.pretrained: should be a valid string, not 3"),
        ("model: {pretrained: ''}", ":1: model.pretrained: "),
        ("model: {pretrained: b}\nvectors: {file: v}", ":2: unknown key 'vectors'"),
        ("model: {pretrained: b}\nvocabulary: {min_count: 2}", ":2: unknown key 'vocabulary'"),
        ("model: {pretrained: b}\ntraining: {warmup: 1}", ":2: training.warmup: should be less"),
        ("training: {warmup: 0.1}", ":1: unknown key 'training.warmup'"),
        ("model: {pretraind: b}", ":1: unknown key 'model.pretraind'; did you mean 'pretrained'?"),
    ],
)
def test_a_mistake_around_fine_tuning_is_named_with_its_line(tmp_path, text, said):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_config(path, NONE)
    assert str(caught.value).startswith(f"{path}{said}")


def test_a_pretrained_model_brings_its_own_vectors(folder):
    path = folder / "fine.yaml"
    path.write_text("data: data.yaml\nmodel: {pretrained: bert}\n")
    with pytest.raises(InputError, match="has its own vectors; leave --vectors out"):
        read_config(path, Overrides(vectors=Path("v.vec")))


def test_fine_tuning_leaves_one_folder_that_scores_as_reported(fine, folder):
    fitted = fine()
    assert [p.name for p in fitted.folder.iterdir()] == ["model"]
    assert fitted.checkpoint == folder / "out" / "model"
    found = load_trained(fitted.checkpoint)
    spec = load_spec(folder / "data.yaml", reading_of(found.config))
    for split in ("dev", "test"):
        data = load_dataset(spec, split)
        probs = predict(found.model, Batches(data.instances, found.spec.vocabulary, True, CPU))
        gold = [i.label for i in data.instances]
        for score in (accuracy, f1, auroc):
            estimate = fitted.summary.metrics[f"train.{split}.{score.__name__}"]
            assert estimate.value == score(gold, probs)
    assert found.spec.labels == ("n", "p")
    assert len(found.training["epochs"]) == 3
    assert found.training["epochs"][-1]["loss"] < found.training["epochs"][0]["loss"]


def test_fine_tuning_has_a_seed_and_the_same_one_gives_the_same_bytes(fine):
    first, again = fine("a").checkpoint, fine("b").checkpoint
    assert sha256_folder(first) == sha256_folder(again)
    other = fine("c", overrides=Overrides(seed=1)).checkpoint
    assert sha256_file(first / "model.safetensors") != sha256_file(other / "model.safetensors")


def test_interrupted_fine_tuning_ends_with_the_same_bytes(fine, folder):
    expected = sha256_folder(fine("whole").checkpoint)
    with pytest.raises(KeyboardInterrupt):
        fine(observer=Listener(step=8))
    assert [p.name for p in (folder / "out").iterdir()] == ["training.state"]
    observer = Listener()
    assert sha256_folder(fine(observer=observer, resume=True).checkpoint) == expected
    assert observer.steps == 10
    assert [p.name for p in (folder / "out").iterdir()] == ["model"]


def test_a_finished_fine_tuning_is_reused_and_another_one_is_not(fine):
    first = fine()
    before = sha256_folder(first.checkpoint)
    observer = Listener()
    again = fine(observer=observer, reuse=True)
    assert (observer.steps, sha256_folder(again.checkpoint)) == (0, before)
    assert again.summary.metrics == first.summary.metrics
    fine(observer=observer, reuse=True, overrides=Overrides(seed=4))
    assert observer.steps == 15


def test_another_pretrained_model_under_the_same_name_is_another_training(
    fine, write_pretrained, folder
):
    begin = write_pretrained(folder / "bert")
    fine(begin=begin)
    with pytest.raises(KeyboardInterrupt):
        fine("other", begin=begin, observer=Listener(step=8))
    write_pretrained(begin, seed=1)
    observer = Listener()
    fine(begin=begin, observer=observer, reuse=True)
    assert observer.steps == 15
    with pytest.raises(InputError, match="another configuration or other data; delete it, or"):
        fine("other", begin=begin, resume=True)


def test_texts_longer_than_the_positions_are_cut_whatever_the_spec_says(fine, folder):
    (folder / "data.yaml").write_text(SPEC + "max_length: 4096\n")
    long = {"text": "good film " * 100, "label": "p"}
    write_rows(folder / "train.jsonl", [*rows(40, 0), long])
    fitted = fine()
    assert fitted.dataset.truncated == 1
    assert max(len(i.tokens) for i in fitted.dataset.instances) == 62
    (folder / "data.yaml").write_text(SPEC + "max_length: 9\n")
    assert max(len(i.tokens) for i in fine("short").dataset.instances) == 9


def test_a_spec_with_a_tokeniser_of_its_own_is_refused(fine, folder):
    (folder / "data.yaml").write_text(SPEC + "tokeniser: {regex: xyz}\n")
    with pytest.raises(InputError, match=r"data\.yaml:4: tokeniser.*leave this key out") as caught:
        fine()
    assert len(str(caught.value)) < 400
    assert not (folder / "out").exists()


def test_pairs_are_fine_tuned_as_one_sequence(fine, folder):
    for split in ("train", "dev", "test"):
        write_rows(folder / f"{split}.jsonl", rows(16, 3, query="was it good"))
    found = load_trained(fine().checkpoint)
    assert found.spec.paired


def test_mistakes_before_fine_tuning_leave_nothing(fine, folder, write_pretrained):
    torn = write_pretrained(folder / "torn")
    (torn / "model.safetensors").write_bytes(b"no")
    pickled = write_pretrained(folder / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    for begin, said in (
        (folder / "gone", "is neither a folder here"),
        (torn, "its weights cannot be read"),
        (pickled, "only as pickle files"),
        (folder, "has no config.json"),
    ):
        with pytest.raises(ModelError, match=said) as caught:
            fine(begin=begin)
        assert "\n" not in str(caught.value)
        assert not (folder / "out").exists()


def test_places_that_would_be_destroyed_are_found_before_fine_tuning(
    fine, folder, write_pretrained
):
    observer = Listener()
    begin = write_pretrained(folder / "out" / "model")
    with pytest.raises(OutputError, match="model: is the pretrained model itself"):
        fine(begin=begin, observer=observer)
    with pytest.raises(OutputError, match="model: is a folder that attnaudit did not write"):
        fine(observer=observer)
    assert (begin / "config.json").exists()
    (folder / "file").write_text("a file")
    with pytest.raises(OutputError, match="file: cannot be written"):
        fine("file", observer=observer)
    assert not observer.tasks


def test_a_decoder_is_fine_tuned_as_well(fine, folder, write_pretrained):
    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64}
    begin = write_pretrained(folder / "gpt2", "gpt2", framed=False, **sizes)
    found = load_trained(fine(begin=begin).checkpoint)
    assert found.model.anatomy.row == "last_not_pad"
    assert found.training["epochs"][-1]["loss"] < found.training["epochs"][0]["loss"]
