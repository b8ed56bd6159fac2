"""Tiny causal language models, random, in folders as people have them."""

from __future__ import annotations

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM

from attnaudit.models.transformer.quiet import quiet_loading
from tests.models.transformer.conftest import config_of, shaken

CORPUS = [
    "Review: a fine film, really good.\nSentiment: good\n",
    "Review: a dull film, really bad.\nSentiment: bad\n",
    "Is it good? It is bad.\nIt was 10 of 10.\n",
    "Text: the plot is thin, but the cast is fine.\nQuestion: is the cast fine?\nAnswer: good",
]


def tokenizer_of(joining=False, start=False):
    """A byte-level BPE of some 300 pieces.

    With `joining` it joins a full stop and the line break behind it, as some large models do; with
    `start` it puts a special token before every text.
    """
    made = Tokenizer(models.BPE())
    words = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+" + (r"[\n]*" if joining else "") + r"|\s+"
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(words), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<pad>", "<start>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS * 3, trainer)
    if start:
        made.post_processor = processors.TemplateProcessing(
            single="<start> $A", pair="<start> $A $B", special_tokens=[("<start>", 1)]
        )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", bos_token="<start>", model_max_length=200
    )


def network_of(kind, tokenizer, **changes):
    """A random language model of a kind, which knows the pieces of a tokenizer."""
    torch.manual_seed(0)
    sizes = {"vocab_size": len(tokenizer), "max_position_embeddings": 200, "pad_token_id": 0}
    if kind == "gpt2":
        sizes["n_positions"] = 200
    config = config_of(kind, **{**sizes, **changes})
    with quiet_loading():
        return shaken(AutoModelForCausalLM.from_config(config, attn_implementation="eager"))


def write_model(folder, kind="gpt2", joining=False, start=False, **changes):
    """The folder of a random language model with its tokenizer."""
    tokenizer = tokenizer_of(joining, start)
    network_of(kind, tokenizer, **changes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
