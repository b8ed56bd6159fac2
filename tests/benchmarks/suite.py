"""Every benchmark, by name."""

from __future__ import annotations

from tests.benchmarks.adversaries import ADVERSARY
from tests.benchmarks.bert_deletion import BERT_DELETION, BERT_MASK
from tests.benchmarks.bert_permutations import BERT_PERMUTATIONS
from tests.benchmarks.case import Benchmark
from tests.benchmarks.classic_deletion import BILSTM_DELETION
from tests.benchmarks.growth import BERT_TOKENS, MILLION, TEXTS, TOKENS
from tests.benchmarks.permutations import BILSTM_PERMUTATIONS
from tests.benchmarks.rank import KENDALL
from tests.benchmarks.start_up import START_UP
from tests.benchmarks.training import TRAINING
from tests.benchmarks.with_captum import GRADIENTS

_ALL = (
    BILSTM_DELETION,
    BILSTM_PERMUTATIONS,
    ADVERSARY,
    KENDALL,
    TRAINING,
    BERT_DELETION,
    BERT_MASK,
    BERT_PERMUTATIONS,
    GRADIENTS,
    START_UP,
    TEXTS,
    TOKENS,
    MILLION,
    BERT_TOKENS,
)
BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}
