from __future__ import annotations

import gzip
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from attnaudit.data.vectors import read_vectors
from attnaudit.errors import InputError

REAL = Path(__file__).parents[3] / "shared" / "vectors" / "words-200d.vec.gz"


@pytest.fixture
def read(tmp_path):
    def call(text, wanted=("a", "b"), name="v.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        vectors, dim = read_vectors(path, wanted)
        assert all(v.dtype == np.float32 and v.shape == (dim,) for v in vectors.values())
        return {word: vector.tolist() for word, vector in vectors.items()}

    return call


@pytest.mark.parametrize("header", ["", "3 2\n"])
@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
def test_only_wanted_words_are_kept(read, header, end):
    text = header + end.join(["a 1 -2.5", "c 3 4", "b 1e-1 .5", ""])
    assert read(text) == {"a": [1.0, -2.5], "b": [np.float32(0.1), 0.5]}


def test_gzip_is_read(read):
    assert read(gzip.compress(b"a 1 2\n"), name="v.vec.gz") == {"a": [1.0, 2.0]}


def test_words_may_hold_spaces(read):
    text = "a 1 2\n. . . 3 4\nat name@x.org 5 6\n"
    assert read(text, [". . .", "at name@x.org"]) == {". . .": [3, 4], "at name@x.org": [5, 6]}


def test_words_may_be_any_other_white_space_or_numbers(read):
    assert read("\u00a0 1 2\n1 3 4\n\u2003 5 6", ["\u00a0", "1", "\u2003"]) == {
        "\u00a0": [1, 2],
        "1": [3, 4],
        "\u2003": [5, 6],
    }


def test_of_a_word_that_stands_twice_the_first_counts(read):
    assert read("a 1\na 2\n") == {"a": [1.0]}


def test_lines_without_wanted_words_are_not_held_to_be_numbers(read):
    assert read("c x y\na 1 2") == {"a": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("a 1 2\nb 1\n", "v.txt", ":2: the line has 1 numbers after its word, not 2"),
        ("a 1 2\nb 1 2 3\n", "v.txt", ":2: the line has 3 numbers after its word, not 2"),
        ("2 3\na 1 2\n", "v.txt", ":2: the line has 2 numbers after its word, not 3"),
        ("a 1 2\nb 1 x\n", "v.txt", ":2: the vector contains 'x', which is not a number"),
        ("a 1 2\nb 1 nan\n", "v.txt", ":2: the vector contains a number that is not finite"),
        ("a 1 2\nb 1 1e99\n", "v.txt", ":2: the vector contains a number that is not finite"),
        ("a 1 2\nb 1  \n", "v.txt", ":2: the line has 1 numbers after its word, not 2"),
        ("a 1 2 3\nb 1  3\n", "v.txt", ":2: the vector has 2 numbers, not 3"),
        (b"a 1 2\n\xff 1 2\n", "v.txt", ":2: is not UTF-8 text"),
        ("c 1 2\nd 1 2\n", "v.txt", ": contains none of the 2 words of the data"),
        (
            "3 2\na 1 2\n",
            "v.txt",
            ": is cut short: its header promises 3 vectors, but it contains 1",
        ),
        ("just-words\n", "v.txt", ":1: is not a file of word vectors"),
        ("5 0\na\n", "v.txt", ":1: is not a file of word vectors"),
        ("", "v.txt", ": has no word vectors"),
        (gzip.compress(b"a 1 2\n" * 999, mtime=0)[:-9], "v.gz", "is a broken or cut-off gzip file"),
        (b"a 1 2\n", "v.gz", ":1: is a broken or cut-off gzip file"),
        (
            gzip.compress(b"a 1 2\n", mtime=0)[:10] + b"\xff" * 20,
            "v.gz",
            "is a broken or cut-off gzip file",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(read, text, name, expected):
    with pytest.raises(InputError) as caught:
        read(text, name=name)
    assert "\n" not in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"10 1000000000000\na 1 2\n", "v.txt:1: vectors of 1,000,000,000,000 numbers are too"),
        (b"10 " + b"9" * 5000 + b"\na 1 2\n", "v.txt:2: the line has 2 numbers"),
        (b"1000000000000000 2\na 1 2\n", "is cut short: its header promises 1000000000000000"),
        (b"a" + b" 1" * 20_000 + b"\n", "v.txt:1: vectors of 20,000 numbers are too large"),
        (b"a 1 2\n" + b"b" * (2 * 2**20), "v.txt:2: the line has more than 1 MiB; give vectors"),
    ],
    ids=["dimension", "digits", "count", "line", "length"],
)
def test_sizes_that_a_file_claims(read, content, says):
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        read(content)
    assert says in str(caught.value)
    assert time.process_time() - started < 5


def test_a_gzip_bomb_is_left_at_its_first_lines(tmp_path):
    path = tmp_path / "v.vec.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(8):
            file.write(b"\n" * 2**20)  # blank lines, which are passed over
    assert path.stat().st_size < 2**17
    started = time.process_time()
    with pytest.raises(
        InputError, match="unpacks to more than 100 times its size, which is unusual"
    ):
        read_vectors(path, ["a"])
    assert time.process_time() - started < 5


def test_a_long_line_in_a_gzip_file_is_cut_while_it_is_unpacked(tmp_path):
    path = tmp_path / "v.vec.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(64):
            file.write(bytes(2**20))
    tracemalloc.start()
    with pytest.raises(InputError, match=r"v.vec.gz:1: the line has more than 1 MiB"):
        read_vectors(path, ["a"])
    assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["none.txt", "none.gz"])
def test_missing_files_are_named(tmp_path, name):
    with pytest.raises(InputError, match="no such file"):
        read_vectors(tmp_path / name, ["a"])


@pytest.mark.skipif(not REAL.is_file(), reason="the shared word vectors are not here")
def test_real_vectors_equal_a_plain_reading():
    wanted = {"film", "bad", "!", "notaword-xyz"}
    vectors, dim = read_vectors(REAL, wanted)
    assert (dim, set(vectors)) == (200, {"film", "bad", "!"})
    with gzip.open(REAL, "rt", encoding="utf-8") as file:
        plain = {line.split(" ")[0]: line.split()[1:] for line in file}
    for word, vector in vectors.items():
        np.testing.assert_array_equal(vector, np.array(plain[word], dtype=np.float32))
