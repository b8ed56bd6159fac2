"""What a Hugging Face model holds besides its weights: configuration, tokenizer, lengths, labels.

Code of the repository is never run.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
)

from attnaudit.data.pieces import Pieces
from attnaudit.data.prompt import Prompt
from attnaudit.data.settings import ReadingSettings
from attnaudit.data.tokenise import TokeniserSettings
from attnaudit.errors import ModelError
from attnaudit.models.transformer.anatomy import padding_of
from attnaudit.models.transformer.forms import refuse_near_misses
from attnaudit.models.transformer.guard import read_config
from attnaudit.models.transformer.outputs import class_names, gives_several
from attnaudit.models.transformer.prompting import label_words, pieces_in
from attnaudit.models.transformer.reference import Reference, explained

_ANY_LENGTH = 1 << 31  # more positions than a text has

# Without one of these transformers makes up a tokenizer that knows no piece.
_PIECES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)


@dataclass(frozen=True)
class Opened:
    """What a reference holds besides weights: configuration, tokenizer, and what follows.

    Of a language model that is asked by `prompt`, `words` are the ids of its label words.
    """

    reference: Reference
    config: Any
    tokenizer: Any
    vocabulary: Pieces
    prompt: Prompt | None = None
    words: tuple[int, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, or of several labels, see `outputs.class_names`."""
        return class_names(self.config)

    @property
    def several(self) -> bool:
        """Whether a text may have several of the labels, see `outputs.gives_several`."""
        return gives_several(self.config)

    def reading(self) -> ReadingSettings:
        """How texts are read for this model: cut by its tokenizer, no longer than its positions."""
        single, pair = self.vocabulary.single.size, self.vocabulary.pair.size
        room = self._positions - pair
        template = None if self.prompt is None else self.prompt.parts
        return ReadingSettings(
            tokeniser=TokeniserSettings(
                content=self.tokenizer.backend_tokenizer.to_str(), prompt=template
            ),
            order=None if template is None else template.order,
            max_length=self._positions - single,
            max_query_length=room // 2,
            max_pair_length=room,
        )

    @cached_property
    def skeleton(self) -> nn.Module:
        """The network without weights, which tells its sizes; raises ModelError for none."""
        with explained(self.reference, "its network cannot be built"), torch.device("meta"):
            made: nn.Module = self.kind.from_config(
                copy.deepcopy(self.config), attn_implementation="eager"
            )
        return made

    @property
    def kind(self) -> Any:
        """What transformers loads the network as."""
        return AutoModelForSequenceClassification if self.prompt is None else AutoModelForCausalLM

    @cached_property
    def _positions(self) -> int:
        """How many positions a sequence may have; raises ModelError for hardly any."""
        longest = self.tokenizer.model_max_length  # from a file; a very large float means: any
        if not isinstance(longest, (int, float)) or not longest >= 1:
            raise ModelError(
                f"its tokenizer says model_max_length {longest!r:.40}, which is not a length",
                where=self.reference.name,
            )
        limits = [int(min(longest, _ANY_LENGTH))]
        config = self.config.get_text_config()
        table = getattr(config, "max_position_embeddings", None)
        if table is not None and table > 0:
            limits.append(table - positions_before(self.skeleton, table))
        distances = getattr(config, "max_seq_len", None)  # of networks without such a table
        if distances is not None and distances > 0:
            limits.append(distances)
        if min(limits) < self.vocabulary.pair.size + 2:
            raise ModelError(
                f"reads {min(limits)} positions, too few for a text", where=self.reference.name
            )
        return min(limits)


def open_reference(reference: Reference, prompt: Prompt | None = None) -> Opened:
    """Configuration and tokenizer of `reference`; a model of the hub is downloaded.

    Raises ModelError where there are none, where they are of no classifier, or with a `prompt` of
    no causal language model, or need code of the repository; and where the label words of the
    prompt are not one token each.
    """
    reference = reference.fetched()
    config = _open_config(reference, prompt)
    tokenizer = _open_tokenizer(reference)
    with explained(reference, "its tokenizer cannot be used"):
        # What batches are filled up with. Whether the network itself knows it as padding is another
        # matter, which decides the row that it reads: its configuration is left as it is.
        own = (padding_of(config), tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
        pad = next(i for i in own if i is not None)
        unknown = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else pad
        vocabulary = Pieces.of(
            tokenizer.backend_tokenizer,
            pad,
            unknown,
            tokenizer.mask_token_id,
            segments="token_type_ids" in tokenizer.model_input_names,
        )
        _check_frames(tokenizer, vocabulary, reference)
    for each in (config, config.get_text_config()):
        each.use_cache = False
    if prompt is None:
        return Opened(reference, config, tokenizer, vocabulary)
    words = label_words(tokenizer.backend_tokenizer, prompt, reference.name)
    config.id2label = dict(enumerate(prompt.labels))
    config.problem_type = None  # a file may say something of a head that is not used
    framed = pieces_in(vocabulary, tokenizer.backend_tokenizer, prompt.parts)
    return Opened(reference, config, tokenizer, framed, prompt, words)


def _open_config(reference: Reference, prompt: Prompt | None) -> Any:
    refuse_near_misses(reference.folder, reference.name)
    read_config(reference.folder / "config.json", reference.name)
    with explained(reference, "its configuration cannot be read"):
        config = AutoConfig.from_pretrained(reference.folder, **reference.options)
        config._attn_implementation = "eager"  # and of its parts: what the file asks for is not run
    if prompt is not None:
        both = getattr(config, "is_encoder_decoder", False)
        if both or type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
            raise ModelError(
                f"is of a kind ({config.model_type}) that is no causal language model, so it cannot"
                " be asked by prompt",
                where=reference.name,
                hint="leave --prompt out to audit a classifier",
            )
        return config
    if type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise ModelError(
            f"is of a kind ({config.model_type}) that does not classify texts",
            where=reference.name,
            hint="audit a sequence classifier of transformers",
        )
    return config


def _open_tokenizer(reference: Reference) -> Any:
    if not any((reference.folder / name).is_file() for name in _PIECES):
        raise ModelError(
            "has no tokenizer",
            where=reference.name,
            hint="save it next to the model with save_pretrained",
        )
    with explained(reference, "its tokenizer cannot be read"):
        tokenizer = AutoTokenizer.from_pretrained(reference.folder, **reference.options)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            "has no fast tokenizer; attnaudit needs one to know where pieces are in a text",
            where=reference.name,
            hint="save a tokenizer.json next to the model",
        )
    backend.no_truncation()  # lengths are the data set's business
    backend.no_padding()
    return tokenizer


def _check_frames(tokenizer: Any, vocabulary: Pieces, reference: Reference) -> None:
    """Raise ModelError where transformers gives a text other ids or segments than we do."""
    texts = ("a good film", "was it good ?")
    cut = tokenizer.backend_tokenizer.encode
    text, query = (cut(each, add_special_tokens=False).tokens for each in texts)
    for asked in (None, query):
        row = vocabulary.row(text, asked, True)
        given = tokenizer(texts[0], None if asked is None else texts[1])
        for name, ours in (("input_ids", row.ids), ("token_type_ids", row.types)):
            if given.get(name) != ours:
                raise ModelError(
                    f"its tokenizer gives {'a text' if asked is None else 'a pair'} other "
                    f"{name} than its tokenizer.json says, so attnaudit cannot delete words of "
                    "it",
                    where=reference.name,
                    hint="save the tokenizer again with save_pretrained",
                )


def positions_before(network: nn.Module, table: int) -> int:
    """How many of the positions of a table no text gets: RoBERTa's begin behind the padding's.

    It is the one family of ours whose table of positions has a row for padding.
    """
    rows = [
        m.padding_idx
        for m in network.modules()
        if isinstance(m, nn.Embedding) and m.num_embeddings == table
    ]
    return max((row + 1 for row in rows if row is not None), default=0)
