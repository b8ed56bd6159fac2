"""Gradient importances, in the definitions that the debate mixes up.

All take the probability p of one target class and the embeddings e_t at which a text enters the
model, or the attention weights alpha_t. `gradient_passes` computes them.

With the attention detached, dp/de_t carries the factor alpha_t itself wherever states do not mix,
so it partly correlates attention with attention; `gradient_own_logit` does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attnaudit.importance.chance import shuffled
from attnaudit.importance.importance import Importance, Request

if TYPE_CHECKING:
    from torch import Tensor

    from attnaudit.models.interface import AttentionModel
    from attnaudit.models.lengths import Texts
    from attnaudit.models.passes import Passes

DETACHED = ("gradient", "gradient_l2")  # one backward pass gives both
FLOWING = ("gradient_flowing",)
_NORMS = ("gradient_l2",)  # which have no sign


def _of_embeddings(name: str) -> Callable[[Request], Tensor]:
    """The gradient `name`: all that are asked for share a forward pass, and none is idle."""

    def compute(request: Request) -> Tensor:
        from attnaudit.importance.gradient_passes import signed_gradients

        def make() -> Mapping[str, Tensor]:
            asked = {*request.asked, name}
            detached, flowing = (not asked.isdisjoint(some) for some in (DETACHED, FLOWING))
            norm = not asked.isdisjoint(_NORMS)
            return signed_gradients(
                request.model, request.batch, request.target, detached, flowing, norm
            )

        found = request.once("gradients", make)[name]
        return found if name in _NORMS else request.without_sign(name, found)

    return compute


def _of_weights(request: Request) -> Tensor:
    from attnaudit.importance.gradient_passes import attention_gradient

    return attention_gradient(request.model, request.batch, request.target)


def _own_logit(request: Request) -> Tensor:
    from attnaudit.importance.gradient_passes import own_logit

    return request.once(
        "own logits", lambda: own_logit(request.model, request.batch, request.target)
    )


def _null(request: Request) -> Tensor:
    own = _own_logit(request)
    sensitivities = shuffled(own, request.batch.host.word_counts, request.ids, (request.seed, 0))
    return request.alpha.to(own) * sensitivities


def _work_of_embeddings(kind: str) -> Callable[[AttentionModel, Texts], Mapping[str, Passes]]:
    def work(model: AttentionModel, texts: Texts) -> Mapping[str, Passes]:
        from attnaudit.models.passes import Passes

        n = len(texts)
        once = Passes(forward=n)
        return {"gradients": once, f"{kind} gradients": Passes(backward=n, answers=n)}

    return work


def _work_of_weights(model: AttentionModel, texts: Texts) -> Mapping[str, Passes]:
    from attnaudit.models.passes import learning

    return {"gradients at the weights": learning(len(texts))}


def _work_of_own_logits(model: AttentionModel, texts: Texts) -> Mapping[str, Passes]:
    from attnaudit.models.passes import Passes

    n = len(texts)
    each = int(texts.padded(texts.tokens).sum())  # padding is answered with the rest
    back = each if _token_by_token(model) else n
    return {"own logits": Passes(forward=n, backward=back, answers=each)}


def _token_by_token(model: AttentionModel) -> bool:
    """Whether the own logit of each token takes a backward pass of its own."""
    from attnaudit.models.interface import capability

    return capability(model, "encode_locally") is None


def _one_row(model: AttentionModel) -> str | None:
    if not model.many_rows:
        return None
    return "it puts all attention of one row on a word, and here many rows are audited"


_CARRIES = (
    "It contains the attention weight as a factor, so it partly compares attention with itself."
)

FAMILY = (
    Importance(
        name="gradient",
        definition="The gradient of the explained probability times the input at the word"
        " embeddings, with attention held fixed.",
        formula="|dp/de_t . e_t|, attention detached; the terms of a word's tokens are summed"
        " before the absolute value",
        source="Jain & Wallace 2019, section 4.1: the gradient at the one-hot input; the authors"
        " normalise it, which changes no rank",
        traps=_CARRIES,
        compute=_of_embeddings("gradient"),
        work=_work_of_embeddings("detached"),
    ),
    Importance(
        name="gradient_flowing",
        definition="The gradient of the explained probability times the input at the word"
        " embeddings, which also flows through the attention.",
        formula="|dp/de_t . e_t| of the whole model",
        source="Jain & Wallace 2019, section 4.1, without the detached attention",
        traps="It also measures how the word changes the attention weights, which an explanation "
        "by weights treats as fixed.",
        compute=_of_embeddings("gradient_flowing"),
        work=_work_of_embeddings("flowing"),
    ),
    Importance(
        name="gradient_l2",
        definition="The L2 norm of the gradient at the word embedding, with attention held fixed.",
        formula="||dp/de_t||, attention detached; of a word, the norm of its tokens' gradients"
        " stacked",
        source="a norm that is often used instead of gradient times input",
        traps=_CARRIES,
        compute=_of_embeddings("gradient_l2"),
        work=_work_of_embeddings("detached"),
    ),
    Importance(
        name="attention_gradient",
        definition="The attention weight times the derivative of the explained probability by this "
        "weight, summed over heads.",
        formula="|sum over heads of alpha_t * dp/dalpha_t|",
        source="Serrano & Smith 2019, section 5, who rank by the same product with its sign",
        traps=_CARRIES,
        compute=_of_weights,
        work=_work_of_weights,
    ),
    Importance(
        name="gradient_own_logit",
        definition="The gradient times the input of the token's own logit, which does not "
        "contain the attention weight.",
        formula="|dl_t/de_t . e_t|, with l_t the log-odds of the class under a one-hot alpha at t,"
        " differentiated at the token's own embedding only",
        source="the definition of gradient, without the factor that attention gives it",
        traps="What other tokens contribute to the state at t is held constant.",
        compute=_own_logit,
        work=_work_of_own_logits,
        needs=_one_row,
        slow=_token_by_token,
    ),
    Importance(
        name="attention_null",
        definition="A control for the attention factor in a gradient: the attention weight "
        "times the tokens' own gradients, which are shuffled among the tokens.",
        formula="alpha_t times |dl_s/de_s . e_s| of another token s, in an order drawn by the"
        " text's id and the seed",
        source="the null of gradients with detached attention",
        traps="A gradient that agrees with attention no better than this control agrees only "
        "because of the factor.",
        compute=_null,
        work=_work_of_own_logits,
        control=True,
        needs=_one_row,
        slow=_token_by_token,
    ),
)
