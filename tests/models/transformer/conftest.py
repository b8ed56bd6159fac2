from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from attnaudit.data.batch import OUTSIDE, Batch
from attnaudit.models.transformer.classifier import TransformerClassifier
from attnaudit.models.transformer.interception import register
from attnaudit.models.transformer.quiet import quiet_loading

PAD, FIRST, LAST, PIECES = 1, 2, 3, 50
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": PIECES,
    "max_position_embeddings": 40,
    "num_labels": 3,
    "pad_token_id": PAD,
}
GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
# Kinds that can be audited; where a text is read from its last token, that is said.
KINDS = {
    "bert": {},
    "roberta": {},
    "xlm-roberta": {},
    "camembert": {},
    "electra": {"embedding_size": 16},
    "albert": {"embedding_size": 16},
    "distilbert": {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 64},
    "ernie": {},
    "data2vec-text": {},
    "modernbert": {
        "classifier_pooling": "cls",
        "local_attention": 8,
        "global_attn_every_n_layers": 3,
    },
    "gpt2": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 40},
    "gpt_neox": {},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32},
    "llama": {"num_key_value_heads": 2},
    "mistral": {"num_key_value_heads": 2, "sliding_window": 6},
    "qwen2": {"num_key_value_heads": 2},
    "qwen3": GROUPED,
    "phi3": {"num_key_value_heads": 2},
    "gemma": GROUPED,
    "gemma2": {**GROUPED, "sliding_window": 6, "attn_logit_softcapping": 5.0},
    "gemma3_text": {**GROUPED, "sliding_window": 6},
}
DISENTANGLED = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
BUCKETS = {
    **DISENTANGLED,
    "share_att_key": True,
    "position_buckets": 4,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
    "type_vocab_size": 0,
}
# Kinds that do not use the attention interface of transformers.
WITHOUT_INTERFACE = {
    "deberta": DISENTANGLED,
    "deberta-v2": {**BUCKETS, "conv_kernel_size": 3, "type_vocab_size": 2},
    "deberta-v3": BUCKETS,
    "mpnet": {},
    "roformer": {"embedding_size": 16},
    "megatron-bert": {},
    "rembert": {"input_embedding_size": 16},
    "big_bird": {"attention_type": "original_full"},
    "luke": {"entity_vocab_size": 5, "entity_emb_size": 16},
    "bloom": {},
    "falcon": {},  # heads share one key and one value
    "falcon-alibi": {"alibi": True, "multi_query": False},
    "falcon-grouped": {"new_decoder_architecture": True, "num_kv_heads": 2},
    "gptj": {"rotary_dim": 4},
    "gpt_neo": {
        "num_layers": 3,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1], [["local"], 1]],
        "window_size": 6,
    },
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 3, "max_seq_len": 40},
    "openai-gpt": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 40},
}
KINDS |= WITHOUT_INTERFACE
# What transformers calls a kind that has another name here.
TYPES = {"deberta-v3": "deberta-v2", "falcon-alibi": "falcon", "falcon-grouped": "falcon"}
DECODERS = [
    *("gpt2", "gpt_neox", "opt", "llama", "mistral", "qwen2", "qwen3", "phi3"),
    *("gemma", "gemma2", "gemma3_text"),
    *("bloom", "falcon", "falcon-alibi", "falcon-grouped", "gptj", "gpt_neo", "mpt", "openai-gpt"),
]
HALVES = {"encoder": 2, "decoder": 3}  # layers
_LIKE_BART = {
    **{f"{half}_layers": layers for half, layers in HALVES.items()},
    **{f"{half}_attention_heads": 4 for half in HALVES},
    **{f"{half}_ffn_dim": 64 for half in HALVES},
    **{"d_model": 32, "decoder_start_token_id": LAST, "scale_embedding": True},
}
_LIKE_T5 = {
    **{"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 3},
    **{"num_heads": 4, "decoder_start_token_id": PAD},
}
# Kinds that read a text twice, and attend twice in the row that is read.
ENCODER_DECODERS = {
    **dict.fromkeys(("bart", "mbart", "plbart"), _LIKE_BART),
    **dict.fromkeys(("t5", "mt5", "umt5"), _LIKE_T5),
}
_HALF = {**SIZES, **GROUPED, "num_hidden_layers": 2, "eos_token_id": LAST}
# Such kinds that cannot be audited.
REFUSED = {
    **{"mvp": _LIKE_BART, "bigbird_pegasus": {**_LIKE_BART, "attention_type": "original_full"}},
    "t5gemma": dict.fromkeys(HALVES, _HALF),
}
OWN_NAMES = ("distilbert", "gpt2", "mpt", "openai-gpt", "xlm", "flaubert", "xlnet")  # of sizes


def config_of(kind, **changes):
    if kind in ENCODER_DECODERS or kind in REFUSED:
        sizes = {name: SIZES[name] for name in ("vocab_size", "num_labels", "pad_token_id")}
        own = {**ENCODER_DECODERS, **REFUSED}[kind]
        known = {"max_position_embeddings": 40} if "decoder_layers" in own else {}
        frame = {"bos_token_id": FIRST, "eos_token_id": LAST}
        made = AutoConfig.for_model(kind, **{**sizes, **known, **frame, **own, **changes})
        made.use_cache = False
        return made
    if kind in OWN_NAMES:
        own = ["vocab_size", "max_position_embeddings", "num_labels", "pad_token_id"]
        sizes = {name: SIZES[name] for name in own if (kind, name) != ("xlnet", own[1])}
    else:
        sizes = SIZES
    config = AutoConfig.for_model(
        TYPES.get(kind, kind), **{**sizes, **KINDS.get(kind, {}), **changes}
    )
    config.use_cache = False
    return config


def text_batch(*lengths, seed=0, pieces=PIECES):
    """Texts of ordinary pieces between two specials, padded on the right."""
    generator = torch.Generator().manual_seed(seed)
    width = max(lengths)
    ids = torch.full((len(lengths), width), PAD)
    words = torch.full(ids.shape, OUTSIDE)
    mask = torch.zeros(ids.shape, dtype=torch.bool)
    for b, n in enumerate(lengths):
        ids[b, :n] = torch.randint(4, pieces, (n,), generator=generator)
        ids[b, 0], ids[b, n - 1] = FIRST, LAST
        words[b, 1 : n - 1] = torch.arange(n - 2)
        mask[b, :n] = True
    rows = torch.arange(len(lengths))
    return Batch(ids, mask, words, torch.zeros_like(rows), rows, pad=PAD)


def shaken(network):
    """The network with all its weights random, those that begin as 0 or 1 too."""
    for weights in network.parameters():
        weights.data.add_(torch.randn_like(weights) * 0.1)
    return network.eval().requires_grad_(False)


@pytest.fixture(name="batch_of", scope="session")
def batch_of_fixture():
    return text_batch


@pytest.fixture(scope="session")
def make_network():
    """A random network of a kind, under transformers' own attention or under ours."""

    def make(kind, attention="eager", maker=AutoModelForSequenceClassification, **changes):
        torch.manual_seed(0)
        if attention == "ours":
            attention = register()
        config = config_of(kind, **changes)
        auto = maker is AutoModelForSequenceClassification
        build = maker.from_config if auto else maker._from_config
        with quiet_loading():
            return shaken(build(config, attn_implementation=attention))

    return make


@pytest.fixture(scope="session")
def make_classifier(make_network):
    """A random classifier of a kind. Without changes all tests share it: change a copy of it."""
    made = {}

    def make(kind, **changes):
        if changes or kind not in made:
            model = TransformerClassifier(make_network(kind, **changes), text_batch(9, 6))
            if changes:
                return model
            made[kind] = model
        return made[kind]

    return make
