import numpy as np

from attnaudit.measures.bins import EDGES, NAMES, bin_of, quartiles_table


def test_bins_are_closed_below_and_the_last_one_above_too():
    assert bin_of([0, 0.2499, 0.25, 0.5, 0.75, 1.0]).tolist() == [0, 0, 1, 2, 3, 3]
    assert bin_of(1 + 1e-7) == 3  # float32 weights may add up to a little more
    assert len(NAMES) == len(EDGES) - 1
    assert NAMES[0] == "0 to 0.25"


def test_quartiles_by_class_and_bin_without_empty_cells():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 9.0])
    largest = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 1.0])
    predicted = np.array([1, 1, 1, 1, 1, 0])
    table = quartiles_table("t", values, largest, predicted, ["no", "yes"])
    assert table.rows == [
        ["no", "0.75 to 1", 9.0, 9.0, 9.0, 1],
        ["yes", "0 to 0.25", 2.0, 3.0, 4.0, 5],
    ]
    assert len(table.columns) == len(table.rows[0])
