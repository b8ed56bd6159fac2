"""Which architectures are audited exactly, what that costs, and which are refused, as tables.

python -m tests.support [KIND ...] [--output FILE]

Every architecture of sequence classifiers that the installed transformers has is made tiny and
random, taken in hand as a folder would be, and held against a reference that is no code of
attnaudit. Costs are counted in passes through the whole network, never timed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from attnaudit.data.pieces import Frame, Pieces
from attnaudit.errors import ModelError
from attnaudit.models.gradient_law import check_gradients
from attnaudit.models.interface import capability, check_laws
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.loading import classifier_of
from attnaudit.models.transformer.opening import Opened
from attnaudit.models.transformer.quiet import quiet_loading
from attnaudit.models.transformer.reference import Reference
from tests.models.transformer.conftest import (
    ENCODER_DECODERS,
    KINDS,
    PIECES,
    REFUSED,
    SIZES,
    TYPES,
    config_of,
    shaken,
    text_batch,
)
from tests.support.measure import VARIANTS, Costs, Errors, costs, errors, paired

LENGTHS = (20, 12, 5)
LARGEST = 20_000_000  # weights of a network that is still tiny
# Sizes by the names that architectures have for them; each takes those that it knows.
NAMES = {
    **SIZES,
    "max_position_embeddings": 60,
    **dict.fromkeys(("d_model", "emb_dim", "n_embd", "embedding_size", "true_hidden_size"), 32),
    **dict.fromkeys(("n_layer", "n_layers", "num_layers"), 3),
    **dict.fromkeys(("n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("d_inner", "ffn_dim", "dff"), 64),
    **{"intra_bottleneck_size": 32, "moe_intermediate_size": 16, "entity_vocab_size": 5},
    **{"num_key_value_heads": 4, "num_local_experts": 2, "num_experts": 2},
    **{"num_experts_per_tok": 1, "block_sizes": [1, 1, 1], "d_head": 8},
}


@dataclass(frozen=True)
class Row:
    """What was found of a kind: refused with a reason, or its errors on texts and on pairs."""

    kind: str
    refused: str = ""
    seam: str = ""
    row: str = ""
    single: Errors | None = None
    pair: Errors | None = None
    spent: Costs | None = None
    output: bool = False


def known() -> list[str]:
    """Ours by their names here, and all others by those of transformers."""
    named = {**KINDS, **ENCODER_DECODERS, **REFUSED}
    ours = {TYPES.get(kind, kind) for kind in named}
    return [*named, *(k for k in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES if k not in ours)]


def configured(kind: str) -> transformers.PretrainedConfig:
    if kind in KINDS or kind in ENCODER_DECODERS or kind in REFUSED:
        return config_of(kind)
    sizes = dict(NAMES)
    while True:
        try:
            made = AutoConfig.for_model(kind, **sizes)
        except Exception as error:
            unknown = [name for name in sizes if name in str(error)]
            unknown += [name for name in ("max_position_embeddings",) if name in sizes]
            if not unknown:
                raise
            del sizes[unknown[0]]
        else:
            made.use_cache = False
            return made


def network_of(kind: str) -> nn.Module:
    """A tiny random network under its own attention; raises ModelError where there is none."""
    try:
        with quiet_loading():
            config = configured(kind)
        torch.manual_seed(0)
        build = AutoModelForSequenceClassification.from_config
        with quiet_loading():
            with torch.device("meta"):
                bare = build(deepcopy(config), attn_implementation="eager")
            if sum(p.numel() for p in bare.parameters()) > LARGEST:
                raise ModelError("(not tried: these sizes do not make it tiny)")
            return shaken(build(config, attn_implementation="eager"))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"(not tried: {type(error).__name__}: {error})") from error


def look_at(kind: str) -> list[Row]:
    """What was found of a kind, at each of its sites."""
    frame = Frame((2,), (), (3,))
    vocabulary = Pieces({f"p{i}": i for i in range(PIECES)}, frame, frame, 1, 4)
    try:
        network = network_of(kind)
        own = deepcopy(network)
        opened = Opened(Reference(kind), network.config, None, vocabulary)
        with quiet_loading():
            made: TransformerClassifier = classifier_of(network, opened)
            if made.many_rows:
                return [Row(kind, refused="(its head pools all rows: see test_pooling.py)")]
            several = capability(made, "other_site")
            sites = {"": made} if several is None else {k: several(k) for k in ("self", "cross")}
            return [_held_against(kind, name, model, own) for name, model in sites.items()]
    except ModelError as error:
        head, _, rest = error.what.partition(": ")
        said = rest if head.endswith("ForSequenceClassification") else error.what
        return [Row(kind, refused=said.strip().splitlines()[0])]
    except Exception as error:  # what would end a run with a traceback: it stands in the table
        return [Row(kind, refused=f"UNEXPECTED {type(error).__name__}: {error}".splitlines()[0])]


def _held_against(kind: str, site: str, model: TransformerClassifier, own: nn.Module) -> Row:
    batch = text_batch(*LENGTHS)
    check_laws(model, batch, SIZES["num_labels"])
    check_gradients(model, text_batch(3, 7, 5))
    return Row(
        f"{kind}, {site}" if site else kind,
        seam={"Interface": "interface", "Products": "numbers"}[type(model.seam).__name__],
        row=model.anatomy.row,
        single=errors(kind, model, own, batch),
        pair=errors(kind, model, own, paired(batch, own)),
        spent=costs(model, text_batch(LENGTHS[0])),
        output=model.anatomy.output is not None,
    )


def table(rows: list[Row]) -> Iterator[str]:
    words = LENGTHS[0] - 2
    yield "# Which architectures are audited, and what that costs"
    yield ""
    yield (
        "Made by `python -m tests.support`. Every architecture of sequence classifiers that"
        " transformers has is made tiny and random, and held against a reference that is no code of"
        " attnaudit. *identity*: the largest difference of logits with the model's own attention;"
        " *uniform*: with uniform weights in the audited row, against the whole model with that row"
        " overridden. Costs are in passes through the whole network."
    )
    yield ""
    yield f"transformers {transformers.__version__}, float32, texts of {LENGTHS} tokens."
    yield ""
    yield (
        "| kind | seam | row | identity | uniform | identity, pairs | uniform, pairs |"
        f" {VARIANTS} variants | {words} deletions |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        if row.single and row.pair and row.spent:
            found = (row.single.identity, row.single.uniform, row.pair.identity, row.pair.uniform)
            numbers = " | ".join(f"{each:.0e}" for each in found)
            spent = f"{row.spent.variants:.1f} | {row.spent.deletions:.1f}"
            yield f"| {row.kind} | {row.seam} | {row.row} | {numbers} | {spent} |"
    yield ""
    yield "| refused | reason |"
    yield "|---|---|"
    for row in rows:
        if row.refused:
            yield f"| {row.kind} | {row.refused} |"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="default: all")
    parser.add_argument("--output", type=Path, help="write the tables here, not to stdout")
    asked = parser.parse_args(arguments)
    rows = []
    for kind in asked.kinds or known():
        for row in look_at(kind):
            rows.append(row)
            sys.stderr.write(f"{row.kind}: {row.refused or row.single}\n")
    text = "\n".join(table(rows)) + "\n"
    if asked.output is None:
        sys.stdout.write(text)
    else:
        asked.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
