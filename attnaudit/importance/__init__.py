"""Importance measures: what else says which word matters."""

from __future__ import annotations

# The order decides how a pair is named: `gradient~leave_one_out`, never the other way round.
IMPORTANCES: dict[str, str] = {
    "gradient": "absolute value of the gradient of the explained probability times the input, at "
    "the word embeddings, with attention held fixed (Jain & Wallace 2019, section 4.1). It "
    "carries the attention weight as a factor, so it partly compares attention with itself",
    "gradient_flowing": "the same, with the gradient also flowing through the attention",
    "gradient_l2": "L2 norm of the gradient at the word embedding, with attention held fixed; it "
    "carries the attention weight as well",
    "attention_gradient": "absolute value of the attention weight times the derivative of the "
    "explained probability by it, summed over heads: the gradient at the weights themselves "
    "(Serrano & Smith 2019, section 5). It carries the attention weight as a factor",
    "gradient_own_logit": "gradient times input of the token's own logit: the log-odds of the "
    "explained class with all attention on that token, which is free of the attention weight",
    "attention_null": "the attention weight times gradients of the tokens' own logits, shuffled "
    "among the tokens: what the attention factor in a gradient yields by itself",
    "leave_one_out": "total variation distance between the outputs with and without the token "
    "(Jain & Wallace 2019, section 4.1)",
    "leave_one_out_mask": "total variation distance between the outputs with the token and with "
    "the model's mask token in its place: the text keeps its length and every token its position",
    "integrated_gradients": "gradient times input, integrated along the straight path from a "
    "baseline input (Sundararajan et al. 2017)",
    "random": "a random ranking: the floor that every agreement is read against",
}
