"""Language models that are asked by prompt: the words that answer stand for classes.

A causal language model says after a prompt which token comes next. Of all tokens only the label
words count here: their logits are those of the classes, at the last position of the prompt, and
what the model would rather say is left out. So it is a classifier whose head is some rows of its
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from attnaudit.data.pieces import Frame, Pieces
from attnaudit.data.prompt import Prompt, Template
from attnaudit.data.prompted import ORDINARY, Prompted
from attnaudit.errors import ModelError
from attnaudit.models.interface import agree

if TYPE_CHECKING:
    import tokenizers

_SHOWN = 4  # pieces of a word that are named


class Verbaliser(nn.Module):
    """A causal language model of transformers as a classifier by label words.

    `words` are the ids of the label words, in the order of the classes. The model keeps those rows
    of its head alone. What its own code does to logits afterwards it does still.
    """

    def __init__(self, model: nn.Module, words: Sequence[int]) -> None:
        """Take `model` over; raises ModelError where its head has no row for each token."""
        super().__init__()
        whole: Any = model
        self.model = model
        self.config: Any = whole.config
        self.base_model_prefix: str = whole.base_model_prefix
        head: nn.Module | None = whole.get_output_embeddings()
        if not isinstance(head, nn.Linear):
            raise ModelError("its head is no linear layer, so that no row stands for a token")
        small = nn.Linear(head.in_features, len(words), head.bias is not None)
        chosen = torch.tensor(words, device=head.weight.device)
        small.weight = nn.Parameter(head.weight.detach()[chosen])
        if head.bias is not None:
            small.bias = nn.Parameter(head.bias.detach()[chosen])
        whole.set_output_embeddings(small)

    @property
    def base_model(self) -> nn.Module:
        """The network below the head."""
        whole: Any = self.model
        network: nn.Module = whole.base_model
        return network

    def get_input_embeddings(self) -> nn.Module:
        """The table of embeddings."""
        whole: Any = self.model
        table: nn.Module = whole.get_input_embeddings()
        return table

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **asked: Any,
    ) -> Any:
        """What the model gives, with the logits (B, C) of the label words.

        They stand behind the last position of each text. What else is `asked` goes to the model.
        """
        texts = {"inputs_embeds": inputs_embeds} if input_ids is None else {"input_ids": input_ids}
        given: Any = self.model(**texts, attention_mask=attention_mask, use_cache=False, **asked)
        logits: Tensor = given.logits  # (B, T, C)
        each = torch.arange(len(logits), device=logits.device)
        last = -1 if attention_mask is None else attention_mask.sum(1).to(logits.device) - 1
        given.logits = logits[each, last]
        return given


@torch.no_grad()
def verbaliser_of(model: nn.Module, words: Sequence[int], ids: Tensor) -> Verbaliser:
    """`model` as a classifier, its answers to the text `ids` (1, T) compared with its own.

    Raises ModelError where they differ, and where it looks at what comes later in a text.
    """
    said: Tensor = model(input_ids=ids, use_cache=False).logits  # (1, T, tokens)
    shorter: Tensor = model(input_ids=ids[:, :-1], use_cache=False).logits
    if not agree(shorter[:, -1], said[:, -2]):
        raise ModelError(
            "looks at what comes later in a text, so that it does not say which word comes next",
            hint="give a causal language model",
        )
    made = Verbaliser(model, words)
    if not agree(made(input_ids=ids).logits, said[:, -1, list(words)]):
        raise ModelError("its head does more than give each token a logit of its own")
    return made


def pieces_in(vocabulary: Pieces, tokeniser: tokenizers.Tokenizer, template: Template) -> Pieces:
    """The pieces of a language model, framed by a prompt in place of special tokens alone.

    What the tokenizer puts before every text, such as a start token, stays before the prompt,
    unless the prompt begins with it. What it puts behind a text is left out: the answer stands
    there.
    """
    start = vocabulary.single.before
    if template.content == "prompt":
        first = tuple(vocabulary.ids(_cut(tokeniser, template.before)[: len(start)]))
        frame = Frame(() if first == start else start)
        return vocabulary.framed(frame, frame)
    found = Prompted(tokeniser, template).around
    prompt, between, after = (tuple(vocabulary.ids(part)) for part in found)
    before = prompt if prompt[: len(start)] == start else (*start, *prompt)
    # Without a query, for what is tried out on texts alone.
    single = Frame(before, (), (*between, *after))
    return vocabulary.framed(single, Frame(before, between, after))


def label_words(tokeniser: tokenizers.Tokenizer, prompt: Prompt, where: str) -> tuple[int, ...]:
    """The id of each label word, as it follows the prompt.

    Raises ModelError where one is no single token there, or two are the same.
    """
    template = prompt.parts
    whole, _ = template.filled(ORDINARY, None if template.query is None else ORDINARY)
    plain = _ids(tokeniser, whole)
    found: dict[int, str] = {}
    for name, word in prompt.labels.items():
        with_word = tokeniser.encode(whole + word, add_special_tokens=False)
        ids, tokens = with_word.ids, with_word.tokens
        if ids[: len(plain)] != plain:
            raise ModelError(
                f"its tokenizer joins the end of the prompt with the label word {word!r:.40}",
                where=where,
                hint="end the prompt without a space, and begin the label word with it",
            )
        behind = ids[len(plain) :]
        if len(behind) != 1:
            pieces = ", ".join(repr(piece) for piece in tokens[len(plain) :][:_SHOWN])
            raise ModelError(
                f"the label word {word!r:.40} is {len(behind)} tokens ({pieces}), but the answer"
                " is read at one position",
                where=where,
                hint="choose a word that is one token behind the prompt",
            )
        if behind[0] in found:
            raise ModelError(
                f"the label words of {found[behind[0]]!r:.40} and {name!r:.40} are the same token",
                where=where,
                hint="choose other words",
            )
        found[behind[0]] = name
    return tuple(found)


def architecture_of(network: nn.Module) -> str:
    """What transformers calls a network, also where it is asked by prompt."""
    return type(network.model if isinstance(network, Verbaliser) else network).__name__


def prompt_facts(prompt: Prompt) -> dict[str, Any]:
    """What reports say of a prompt, which may hold examples and so the words of people."""
    return {"sha256": prompt.sha256, "words": prompt.labels, "content": prompt.content}


def _cut(tokeniser: tokenizers.Tokenizer, text: str) -> list[str]:
    cut: list[str] = tokeniser.encode(text, add_special_tokens=False).tokens
    return cut


def _ids(tokeniser: tokenizers.Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokeniser.encode(text, add_special_tokens=False).ids
    return ids
