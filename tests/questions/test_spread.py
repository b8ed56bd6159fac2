from __future__ import annotations

import numpy as np
import pytest

from attnaudit.measures.summary import Columns, Summary
from attnaudit.questions.spread import by_class, by_weight_and_class

VALUES = {"x": np.array([0.1, np.nan, 0.3, 0.4]), "none": np.full(4, np.nan)}


def summary(**more):
    columns = Columns(list("abcd"), [None] * 4, VALUES, **more)
    return Summary(columns=columns)


PREDICTED, LARGEST = np.array([1, 0, 0, 1]), np.array([0.3, 0.3, 1.0, 0.9])


def lists(found):
    return {key: values.tolist() for key, values in found.items()}


def test_defined_values_by_class():
    assert lists(by_class(summary(predicted=PREDICTED), "x")) == {0: [0.3], 1: [0.1, 0.4]}


def test_by_the_bin_of_the_largest_weight_as_well():
    found = by_weight_and_class(summary(predicted=PREDICTED, largest=LARGEST), "x")
    assert lists(found) == {(1, 1): [0.1], (3, 0): [0.3], (3, 1): [0.4]}


@pytest.mark.parametrize("metric", ["none", "unknown"])
def test_what_is_not_there_has_no_parts(metric):
    found = summary(predicted=PREDICTED, largest=LARGEST)
    assert by_class(found, metric) == by_weight_and_class(found, metric) == {}


def test_summaries_without_columns():
    for found in (Summary(), summary(), summary(predicted=PREDICTED)):
        assert by_weight_and_class(found, "x") == {}
    assert by_class(Summary(), "x") == by_class(summary(), "x") == {}
