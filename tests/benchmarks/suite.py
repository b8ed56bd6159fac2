"""Every benchmark, by name."""

from __future__ import annotations

from tests.benchmarks.adversaries import ADVERSARY
from tests.benchmarks.bert_adversary import BERT_ADVERSARY
from tests.benchmarks.bert_deletion import BERT_DELETION, BERT_MASK
from tests.benchmarks.bert_permutations import BERT_PERMUTATIONS
from tests.benchmarks.case import Benchmark
from tests.benchmarks.classes import CLASS_COUNTS
from tests.benchmarks.classic_deletion import BILSTM_DELETION
from tests.benchmarks.erasure import ERASE
from tests.benchmarks.growth import BERT_TOKENS, MILLION, SEEDS, TEXTS, TOKENS
from tests.benchmarks.jain_wallace import PARTS, WHOLE
from tests.benchmarks.permutations import BILSTM_PERMUTATIONS
from tests.benchmarks.quickstart import QUICKSTART
from tests.benchmarks.rank import KENDALL
from tests.benchmarks.start_up import START_UP
from tests.benchmarks.summaries import REPORT, SUMMARY
from tests.benchmarks.training import TRAINING
from tests.benchmarks.with_captum import GRADIENTS

_ALL = (
    WHOLE,
    PARTS,
    BILSTM_DELETION,
    BILSTM_PERMUTATIONS,
    ADVERSARY,
    KENDALL,
    SUMMARY,
    TRAINING,
    GRADIENTS,
    BERT_DELETION,
    BERT_MASK,
    BERT_PERMUTATIONS,
    BERT_ADVERSARY,
    ERASE,
    START_UP,
    REPORT,
    CLASS_COUNTS,
    SEEDS,
    TEXTS,
    TOKENS,
    MILLION,
    BERT_TOKENS,
    QUICKSTART,
)
BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}
