from __future__ import annotations

import pytest

from attnaudit.data.split_names import Spellings, split_named


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("dev", "dev"),
        ("validation", "dev"),
        ("valid", "dev"),
        (" VAL ", "dev"),
        ("test", "test"),
        ("testing", "test"),
        ("eval", "test"),
        ("holdout", "holdout"),
        ("Fold 1", "Fold 1"),
    ],
)
def test_other_names_mean_the_usual_splits(name, split):
    assert split_named(name) == split


def test_a_file_calls_each_split_by_one_name():
    met = Spellings()
    assert [met.add(name) for name in ("train", "val", "Val", "Train", "a", "A")] == [
        *("train", "dev", "dev", "train", "a", "A")
    ]
    with pytest.raises(ValueError, match="'val' and 'valid' both mean the split dev"):
        met.add("valid")
    with pytest.raises(ValueError, match="'train' and 'training' both mean"):
        met.add("training")
