from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
import warnings
import zipfile

import numpy as np
import pytest
import torch

from attnaudit.data.settings import Fields, ReadingSettings
from attnaudit.data.tokenise import TokeniserSettings
from attnaudit.errors import ModelError, OutputError
from attnaudit.models.archive import check_archive
from attnaudit.models.checkpoint import Checkpoint, load_checkpoint
from attnaudit.models.predict import Batches, predict
from attnaudit.models.recipe import TrainConfig
from attnaudit.models.schedule import Schedule

READING = ReadingSettings(
    fields=Fields(text="review", query="question"),
    tokeniser=TokeniserSettings(regex=r"\w+"),
    lowercase=True,
    max_length=77,
)
CONFIG = TrainConfig(training=Schedule(epochs=3, seed=5, conicity=0.5, tying=0.25))


@pytest.fixture
def save(tmp_path, make_model):
    """Saves a small model; `changes` are made to what the file holds."""

    def make(changes=None, **model):
        path = tmp_path / "model.pt"
        made = make_model(**{"dtype": torch.float32, **model})
        Checkpoint(made, READING, CONFIG, {"best_epoch": 2}).save(path)
        if changes is not None:
            content = torch.load(path, weights_only=True)
            changes(content)
            torch.save(content, path)
        return path

    return make


@pytest.fixture
def complaint(tmp_path):
    def read(path):
        with pytest.raises(ModelError) as caught:
            load_checkpoint(path)
        assert "\n" not in str(caught.value)
        return str(caught.value).removeprefix(f"{path}: ")

    return read


@pytest.mark.parametrize(
    ("encoder", "attention", "classes", "paired"),
    [
        ("bilstm", "additive", 2, False),
        ("orthogonal_bilstm", "additive", 2, True),
        ("cnn", "dot", 3, True),
        ("average", "uniform", 3, False),
    ],
)
def test_what_is_saved_is_what_is_loaded(
    save, make_model, make_instances, encoder, attention, classes, paired
):
    kind = {"encoder": encoder, "attention": attention, "classes": classes, "paired": paired}
    model = make_model(**kind, dtype=torch.float32)
    loaded = load_checkpoint(save(**kind))
    assert loaded.reading == READING
    assert loaded.config == CONFIG
    assert loaded.training == {"best_epoch": 2}
    assert loaded.model.recipe == model.recipe
    assert loaded.model.spec.labels == model.spec.labels
    assert loaded.model.spec.paired == paired
    assert loaded.model.spec.vocabulary.words == model.spec.vocabulary.words
    assert not loaded.model.training
    texts = make_instances([3, 6, 2], paired=paired)
    answers = [
        predict(m, Batches(texts, m.spec.vocabulary, m.boundaries, torch.device("cpu")))
        for m in (model, loaded.model)
    ]
    np.testing.assert_allclose(*answers, rtol=0, atol=1e-6)
    ours, theirs = model.state_dict(), loaded.model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_model_saved_twice_is_the_same_bytes(save):
    first = save().read_bytes()
    assert save().read_bytes() == first


def test_a_checkpoint_that_cannot_be_written(tmp_path, make_model):
    checkpoint = Checkpoint(make_model(), READING, CONFIG, {})
    with pytest.raises(OutputError, match="the folder does not exist"):
        checkpoint.save(tmp_path / "nowhere" / "model.pt")
    with pytest.raises(OutputError, match="is a folder"):
        checkpoint.save(tmp_path)


def test_no_file(tmp_path, complaint):
    hint = "no such file; make one with `attnaudit train`"
    assert complaint(tmp_path / "model.pt") == hint


def test_a_folder(tmp_path, complaint):
    assert complaint(tmp_path) == "is a folder, not a checkpoint"


def test_a_truncated_file(save, complaint):
    path = save()
    whole = path.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        assert complaint(path) == "is truncated or damaged; copy it again, or train again"


@pytest.mark.parametrize("junk", [b"", b"PK\x03\x04", b"PK\x03\x04" + bytes(30)])
def test_bytes_that_make_torch_stumble(tmp_path, complaint, junk):
    path = tmp_path / "model.pt"
    path.write_bytes(junk)
    assert complaint(path).startswith("is truncated or damaged")


@pytest.mark.parametrize("content", [b"hello\n", b'{"a": 1}\n', b"0", b"PK", pickle.dumps([1])])
def test_a_file_of_another_kind(tmp_path, complaint, content):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    assert complaint(path).startswith("is not a torch archive; make one with `attnaudit train`")


class Loaded:
    """Raises if it is ever unpickled."""

    def __setstate__(self, state):
        raise AssertionError("unpickled")


def test_pickled_objects_are_never_loaded(tmp_path, complaint):
    path = tmp_path / "model.pt"
    expected = "contains pickled Python objects, which attnaudit never loads; save weights only"
    thing = Loaded()
    thing.x = 1
    torch.save({"format": thing}, path)
    assert complaint(path).startswith(expected)
    torch.save(torch.nn.Linear(2, 2), path)
    assert complaint(path).startswith(expected)
    path.write_bytes(pickle.dumps(thing))
    assert complaint(path).startswith("is not a torch archive")


@pytest.mark.parametrize("content", [{"weight": torch.ones(2)}, torch.ones(2), [1], {"format": 1}])
def test_the_weights_of_another_program(tmp_path, complaint, content):
    path = tmp_path / "model.pt"
    torch.save(content, path)
    assert complaint(path).startswith("is a torch file, but not a checkpoint of attnaudit; make")


def test_a_newer_version(save, complaint):
    path = save(lambda content: content.update(version=2))
    assert complaint(path) == (
        "has checkpoint version 2, but this attnaudit reads version 1; upgrade attnaudit"
    )


@pytest.mark.parametrize(
    "key",
    ["recipe", "words", "labels", "paired", "reading", "config", "training", "weights"],
)
def test_a_missing_key(save, complaint, key):
    found = complaint(save(lambda content: content.pop(key)))
    assert found == f"is a damaged checkpoint (it lacks '{key}'); train again"


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": {"encoder": "transformer"}},
        {"recipe": 3},
        {"words": ["a", "a"]},
        {"words": ["too", "few"]},
        {"labels": None},
        {"reading": {"max_length": "long"}},
        {"weights": []},
        {"weights": {"output.weight": "x"}},
        {"paired": True},
    ],
    ids=str,
)
def test_content_that_does_not_fit_together(save, complaint, changes):
    found = complaint(save(lambda content: content.update(changes)))
    assert found.startswith("is a damaged checkpoint (")


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_weights_that_are_not_finite(save, complaint, bad):
    def spoil(content):
        content["weights"]["encoder.projection.bias"][1] = bad

    found = complaint(save(spoil))
    expected = "(its weights are not finite (in encoder.projection.bias)); train again"
    assert found == f"is a damaged checkpoint {expected}"


def test_the_archive_holds_no_code(save):
    """Nothing but tensors and plain values: it loads with no class allowed."""
    path = save()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    torch.load(path, weights_only=True)


# --- hostile checkpoints --------------------------------------------------------------------------


def shared(levels=40, kind=list):
    """A few hundred bytes of a file, and 2^40 items to whoever walks over them."""
    value = "x"
    for _ in range(levels):
        value = {"a": value, "b": value} if kind is dict else kind([value, value])
    return value


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


KEYS = ("format", "version", "recipe", "words", "labels", "paired", "reading", "config", "training")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", [list, dict, tuple])
def test_structures_that_hold_themselves_are_refused_at_once(save, complaint, key, kind):
    path = save(lambda content: content.update({key: shared(kind=kind)}))
    started = time.process_time()
    assert complaint(path).startswith(
        "is not a checkpoint as `attnaudit train` writes it (it contains "
    )
    assert time.process_time() - started < 5


# The steps of a pickle that make a tuple of 2^40 texts: whoever hashes it is busy for ever.
DOUBLED = b"X\x01\0\0\0a" + b"".join(b"q%ch%c\x86" % (i, i) for i in range(40))
STORAGE = b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\n%bX\x03\0\0\0cpuK\x01tQ."


@pytest.mark.parametrize("steps", [b"\x80\x02}%bK\x01s.", STORAGE], ids=["key", "storage"])
def test_tuples_that_would_be_hashed(tmp_path, complaint, steps):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", steps % DOUBLED)
    started = time.process_time()
    assert complaint(path).startswith(
        "is not a checkpoint as `attnaudit train` writes it (it contains"
    )
    assert time.process_time() - started < 5


def test_structures_within_a_field(save, complaint):
    path = save(lambda content: content.update(reading={"fields": {"text": [shared()]}}))
    assert "(it contains the same list or mapping in several places)" in complaint(path)


@pytest.mark.parametrize("levels", [50, 200])
def test_deep_structures(save, complaint, levels):
    found = complaint(save(lambda content: content.update(training={"a": deep(levels)})))
    assert "(it is nested in more than 32 levels)" in found


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("labels", [0, 1], "'labels' contains a int, but must contain only text"),
        ("labels", [["a"], "b"], "'labels' contains a list, but must contain only text"),
        ("labels", ["a", None], "'labels' contains a NoneType, but must contain only text"),
        ("labels", ["a", "a"], "'labels' must be two or more different names"),
        ("labels", ["a"], "'labels' must be two or more different names"),
        ("labels", ["", "a"], "'labels' must be two or more different names"),
        ("labels", ["1", "1.0"], "the labels '1' and '1.0' mean the same"),
        ("labels", ["a", "b" * 201], "has 201 characters, more than 200"),
        ("labels", "ab", "'labels' has the type str, not list"),
        ("words", [1, 2, 3], "'words' contains a int, but must contain only text"),
        ("words", {"a": 1}, "'words' has the type dict, not list"),
        ("paired", 1, "'paired' has the type int, not bool"),
        ("training", [], "'training' has the type list, not dict"),
        ("weights", [], "'weights' has the type list, not dict"),
        ("recipe", {"hidden": 2**40}, "Recipe: hidden: should be less than or equal to 16384"),
        ("recipe", {"hidden": "8"}, "Recipe: hidden: should be a valid integer"),
        ("reading", {"max_length": 10**12}, "ReadingSettings: max_length: should be less than"),
        (
            "reading",
            {"tokeniser": {"regex": "(a{1000}){1000}"}},
            "ReadingSettings: tokeniser.regex: '(a{1000}){1000}' repeats too much",
        ),
        ("reading", {"tokeniser": {"file": "/dev/zero"}}, "its tokeniser is the path of a file"),
        ("config", {"training": {"epochs": 10**12}}, "TrainConfig: training.epochs: should be"),
        ("version", True, None),
        ("version", 1.0, None),
        ("version", "1", None),
    ],
    ids=str,
)
def test_values_of_other_types_and_sizes(save, complaint, key, value, says):
    found = complaint(save(lambda content: content.update({key: value})))
    if says is None:
        kind = type(value).__name__
        assert found.startswith(
            f"has checkpoint version of type {kind}, but this attnaudit reads version 1;"
        )
    else:
        assert found.startswith("is a damaged checkpoint (")
        assert says in found


@pytest.mark.parametrize(
    "kind", ["int8", "bool", "complex64", "float16", "bfloat16", "int64", "uint8"]
)
def test_weights_of_other_types(save, complaint, kind):
    def spoil(content):
        weights = content["weights"]
        weights["output.weight"] = weights["output.weight"].to(getattr(torch, kind))

    found = complaint(save(spoil))
    assert found == (
        f"is a damaged checkpoint (the weights 'output.weight' have the type {kind}, not "
        "float32); train again"
    )


def test_weights_of_other_shapes(save, complaint):
    def spoil(content):
        content["weights"]["output.weight"] = torch.zeros(3, 3, 3)

    assert "(the weights 'output.weight' are 3 x 3 x 3, not 1 x " in complaint(save(spoil))
    more = complaint(save(lambda content: content["weights"].update(more=torch.zeros(1))))
    assert "(it has the weights 'more', which do not belong to its recipe)" in more
    fewer = complaint(save(lambda content: content["weights"].pop("output.bias")))
    assert "(it lacks the weights 'output.bias')" in fewer
    number = complaint(save(lambda content: content["weights"].update({"output.bias": 1.0})))
    assert "(the weights 'output.bias' are not a tensor)" in number


def test_one_number_that_stands_for_millions(save, complaint):
    def spoil(content):
        weights = content["weights"]
        weights["embedding.weight"] = torch.zeros(1).expand(weights["embedding.weight"].shape)

    found = complaint(save(spoil))
    assert "(the weights 'embedding.weight' are not stored in one piece)" in found


def test_a_recipe_of_a_model_that_the_weights_are_not(save):
    """The sizes are looked at before the model is made: so wide, it would take 17 GB."""
    wide = {"embedding": 16384, "hidden": 16384}
    path = save(lambda content: content["recipe"].update(wide), encoder="bilstm")
    run = subprocess.run([sys.executable, "-c", LOAD, path], capture_output=True, timeout=100)
    assert b"is a damaged checkpoint (the weights 'embedding.weight' are " in run.stdout


LOAD = """
import resource, sys
from pathlib import Path
from attnaudit.errors import ModelError
from attnaudit.models.checkpoint import load_checkpoint
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30,) * 2)
try:
    load_checkpoint(Path(sys.argv[1]))
except ModelError as error:
    print(error)
"""


def rewritten(path, change, **options):
    """The archive at `path` with its parts changed: name and bytes to name and bytes."""
    with zipfile.ZipFile(path) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", **options) as archive:
        warnings.simplefilter("ignore")  # names that stand twice
        for part in change(parts):
            archive.writestr(*part)
    return path


def test_compressed_parts_are_refused_unread(save, complaint):
    bomb = ("model/data/9", bytes(200 * 2**20))
    path = rewritten(save(), lambda parts: [*parts, bomb], compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**20
    started = time.process_time()
    assert "(its parts are compressed or encrypted)" in complaint(path)
    assert time.process_time() - started < 5


def test_parts_that_stand_twice_or_are_missing(save, complaint):
    path = rewritten(save(), lambda parts: [*parts, (parts[0][0].upper(), b"")])
    assert "(a part occurs twice)" in complaint(path)
    path = rewritten(save(), lambda parts: [p for p in parts if not p[0].endswith("data.pkl")])
    assert "(it must have exactly one part data.pkl)" in complaint(path)
    path = rewritten(save(), lambda parts: [p for p in parts if not p[0].endswith("data/0")])
    assert "bytes that the file does not hold)" in complaint(path)


def test_a_storage_that_claims_more_than_the_file_has(save, complaint):
    """Torch itself would hand out a tensor on memory that is not its own."""

    def claim(parts):
        for name, data in parts:
            if name.endswith("data.pkl"):
                wide = data.index(b"X\x03\x00\x00\x00cpuq")
                count = data.index(b"t", wide + 9)  # the end of the tuple; before it the number
                data = data[: wide + 10] + b"\x8a\x06\0\0\0\0\0\x01" + data[count:]
            yield name, data

    path = rewritten(save(), claim)
    assert "(a tensor claims 4,398,046,511,104 bytes that the file does not hold)" in complaint(
        path
    )


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_pipes_and_devices_are_refused(tmp_path, complaint, make):
    path = tmp_path / "model.pt"
    make(path)
    assert complaint(path).endswith("not a file; write its output into a file first")


def test_what_torch_takes_for_plain_is_looked_at(save):
    """The look lets through what we write, words of all kinds and shapes included."""
    path = save(paired=True, classes=3)
    check_archive(path)
    content = torch.load(path, weights_only=True)
    content["training"] = {
        "numbers": [0, -1, 255, 256, 65536, 2**31, -(2**40), 1.5, True, False, None],
        "texts": ["", "é" * 300, "x" * 70_000, "x", "x"],
        "empty": [{}, [], [[]], {"a": {}}],
    }
    torch.save(content, path)
    check_archive(path)
    assert load_checkpoint(path).training == content["training"]
