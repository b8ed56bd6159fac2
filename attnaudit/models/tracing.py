"""From a call of a model to a program that gives the same answers under any attention weights.

`trace` watches one call of a function of the weights, computes beforehand all that does not depend
on them, and writes the rest down in the steps of `programs`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from attnaudit.models.programs import BINARY, UNARY, Program, Step


class UntraceableError(Exception):
    """The function does something that no step stands for."""


# What changes no number and no order of numbers.
_SAME = frozenset(
    (
        *("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "clone", "contiguous"),
        *("alias", "detach", "_to_copy", "to"),
    )
)

# What has the shape of its argument and always the same number in it.
_FILLED = {"zeros_like": 0, "ones_like": 1, "new_zeros": 0, "new_ones": 1}


def trace(function: Callable[[Tensor], Tensor], example: Tensor) -> Program:
    """The program of a function of weights, from one call with an `example` of them.

    The function must take the same way whatever the weights. Raises UntraceableError where it does
    something for which there is no step, or does not depend on the weights at all.
    """
    with torch.no_grad():
        graph = make_fx(
            function,
            tracing_mode="real",
            _allow_non_fake_inputs=True,
            _error_on_data_dependent_ops=False,  # such as the place of the last token
        )(example)
        return _Lowering(graph).program()


class _Lowering:
    """From the graph of a call to a program: what is constant is computed, the rest is a step."""

    def __init__(self, graph: fx.GraphModule) -> None:
        self._graph = graph
        self._known: dict[fx.Node, Any] = {}  # what does not depend on the weights
        self._values: dict[fx.Node, int] = {}  # the number of what does; constants are negative
        self._constants: list[Tensor] = []
        self._steps: list[Step] = []

    def program(self) -> Program:
        for node in self._graph.graph.nodes:
            if node.op == "placeholder":
                self._values[node] = 0
            elif node.op == "get_attr":
                self._known[node] = getattr(self._graph, str(node.target))
            elif node.op == "output":
                (result,) = node.args
                if result not in self._values:
                    raise UntraceableError("the answer does not depend on the weights")
                return self._finished(self._values[result])
            elif (filled := _FILLED.get(_name(node))) is not None:
                self._known[node] = torch.full(_shape(node), filled, dtype=_like(node).dtype)
            elif any(one in self._values for one in node.all_input_nodes):
                if node.users:
                    self._write(node)
            else:
                self._compute(node)
        raise AssertionError("a graph has an output")

    def _finished(self, result: int) -> Program:
        """Constants numbered from 1, steps after them, and only what the result needs."""
        needed, last = set[int](), result - 1
        for at in range(last, -1, -1):
            if at == last or at + 1 in needed:
                needed |= set(self._steps[at].takes)
        used = sorted({-i for i in needed if i < 0})
        places = {-i: at for at, i in enumerate(used, start=1)} | {0: 0}
        steps: list[Step] = []
        for at, step in enumerate(self._steps[: last + 1]):
            if at != last and at + 1 not in needed:
                continue
            takes = tuple(places[i] for i in step.takes)
            steps.append(Step(step.kind, takes, step.attributes))
            places[at + 1] = len(used) + len(steps)
        return Program([self._constants[i - 1] for i in used], steps)

    def _compute(self, node: fx.Node) -> None:
        given = fx.node.map_arg((node.args, node.kwargs), lambda n: self._known[n])
        self._known[node] = node.target(*given[0], **given[1])  # type: ignore[operator]

    def _constant(self, value: Any) -> int:
        tensor = value if isinstance(value, Tensor) else torch.tensor(float(value))
        for at, known in enumerate(self._constants, start=1):
            if known is tensor:
                return -at
        self._constants.append(tensor)
        return -len(self._constants)

    def _number(self, value: Any) -> int:
        """The number of a value: of a node that depends on the weights, or of a constant."""
        if isinstance(value, fx.Node):
            if value in self._values:
                return self._values[value]
            value = self._known[value]
        return self._constant(value)

    def _step(self, kind: str, *takes: int, **attributes: Any) -> int:
        self._steps.append(Step(kind, takes, attributes))
        return len(self._steps)

    def _write(self, node: fx.Node) -> None:
        name = _name(node)
        if name == "getitem":
            self._values[node] = self._part(node)
            return
        if name == "split":
            self._values[node] = self._number(node.args[0])  # see `_part`
            return
        if name == "native_layer_norm":
            self._values[node] = self._layer_norm(*node.args)
            return
        write = getattr(self, f"_write_{name}", None)
        if write is not None:
            self._values[node] = write(node)
        elif name in _SAME:
            self._values[node] = self._step(
                "reshape", self._number(node.args[0]), shape=_shape(node)
            )
        elif name in UNARY:
            self._values[node] = self._step(name, self._number(node.args[0]))
        elif name in BINARY:
            self._values[node] = self._binary(name, node)
        else:
            raise UntraceableError(f"the operation {name}")

    # What gives several results at once is written where one of them is taken.

    def _part(self, node: fx.Node) -> int:
        whole, index = node.args
        assert isinstance(whole, fx.Node)
        assert isinstance(index, int)
        name = _name(whole)
        if name == "native_layer_norm":
            if index != 0 and node.users:
                raise UntraceableError("the mean or spread that a layer norm gives beside")
            return self._values[whole]
        source = whole.args[0]
        assert isinstance(source, fx.Node)
        dim = int(whole.args[2]) if len(whole.args) > 2 else int(whole.kwargs.get("dim", 0))  # type: ignore[arg-type]
        size = int(whole.args[1])  # type: ignore[arg-type]
        return self._slice(source, dim, index * size, _shape(node)[dim])

    def _layer_norm(self, x: Any, size: Any, weight: Any, bias: Any, eps: Any) -> int:
        made = self._step("norm", self._number(x), size=math.prod(size), eps=float(eps))
        if weight is not None:
            made = self._step("mul", made, self._number(weight))
        return made if bias is None else self._step("add", made, self._number(bias))

    def _slice(self, source: Any, dim: int, start: int, length: int, step: int = 1) -> int:
        rank = len(_shape(source))
        return self._step(
            "slice",
            self._number(source),
            dim=dim % rank,
            start=start,
            length=length,
            step=step,
        )

    def _binary(self, name: str, node: fx.Node) -> int:
        left, right = node.args[:2]
        if node.kwargs.get("alpha", 1) != 1 or node.kwargs.get("rounding_mode") is not None:
            raise UntraceableError(f"a form of the operation {name}")
        return self._step(name, self._number(left), self._number(right))

    def _write_expand(self, node: fx.Node) -> int:
        return self._step("expand", self._number(node.args[0]), shape=_shape(node))

    def _write_permute(self, node: fx.Node) -> int:
        dims = [int(d) % len(_shape(node)) for d in node.args[1]]  # type: ignore[union-attr,arg-type]
        return self._step("transpose", self._number(node.args[0]), dims=dims)

    def _write_transpose(self, node: fx.Node) -> int:
        dims = list(range(len(_shape(node))))
        one, other = (int(d) % len(dims) for d in node.args[1:3])  # type: ignore[arg-type]
        dims[one], dims[other] = dims[other], dims[one]
        return self._step("transpose", self._number(node.args[0]), dims=dims)

    def _write_t(self, node: fx.Node) -> int:
        dims = list(reversed(range(len(_shape(node)))))
        return self._step("transpose", self._number(node.args[0]), dims=dims)

    def _write_select(self, node: fx.Node) -> int:
        source, dim, index = node.args
        whole = _shape(source)
        at = int(dim) % len(whole)  # type: ignore[arg-type]
        cut = self._slice(source, at, int(index) % whole[at], 1)  # type: ignore[arg-type]
        return self._step("reshape", cut, shape=_shape(node))

    def _write_index(self, node: fx.Node) -> int:
        """The place of one number along some axes, such as that of the last token."""
        source, indices = node.args
        made, shape = self._number(source), _shape(source)
        for dim, index in enumerate(indices):  # type: ignore[arg-type]
            if index is None:
                continue
            at = self._known_or(index)
            if not isinstance(at, Tensor) or at.numel() != 1:
                raise UntraceableError("several places at once")
            start = int(at) % shape[dim]
            made = self._step("slice", made, dim=dim, start=start, length=1, step=1)
        return self._step("reshape", made, shape=_shape(node))

    def _write_slice(self, node: fx.Node) -> int:
        given: list[Any] = [*node.args, *(0, None, None, 1)[len(node.args) - 1 :]]
        source, dim, start, _, step = given
        at = int(dim) % len(_shape(source))
        whole = _shape(source)[at]
        first = 0 if start is None else int(start)
        first = min(max(first + whole if first < 0 else first, 0), whole)
        return self._slice(source, at, first, _shape(node)[at], int(step))

    def _write_cat(self, node: fx.Node) -> int:
        parts = [self._number(part) for part in node.args[0]]  # type: ignore[union-attr]
        dim = int(node.args[1]) if len(node.args) > 1 else 0  # type: ignore[arg-type]
        return self._step("cat", *parts, dim=dim % len(_shape(node)))

    def _write_bmm(self, node: fx.Node) -> int:
        return self._step("matmul", *(self._number(one) for one in node.args[:2]))

    def _write_mm(self, node: fx.Node) -> int:
        left, right = (
            self._step("reshape", self._number(one), shape=[1, *_shape(self._known_or(one))])
            for one in node.args[:2]
        )
        product = self._step("matmul", left, right)
        return self._step("reshape", product, shape=_shape(node))

    def _write_addmm(self, node: fx.Node) -> int:
        if node.kwargs.get("beta", 1) != 1 or node.kwargs.get("alpha", 1) != 1:
            raise UntraceableError("a form of the operation addmm")
        bias, left, right = node.args
        parts = [
            self._step("reshape", self._number(one), shape=[1, *_shape(self._known_or(one))])
            for one in (left, right)
        ]
        product = self._step("reshape", self._step("matmul", *parts), shape=_shape(node))
        return self._step("add", product, self._number(bias))

    def _write_gelu(self, node: fx.Node) -> int:
        kind = "gelu_tanh" if node.kwargs.get("approximate") == "tanh" else "gelu"
        return self._step(kind, self._number(node.args[0]))

    def _write_mean(self, node: fx.Node) -> int:
        return self._sum(node, True)

    def _write_sum(self, node: fx.Node) -> int:
        return self._sum(node, False)

    def _sum(self, node: fx.Node, mean: bool) -> int:
        whole = _shape(node.args[0])
        given = node.args[1] if len(node.args) > 1 else range(len(whole))
        dims = sorted(int(d) % len(whole) for d in given)  # type: ignore[union-attr,arg-type]
        count = math.prod(whole[d] for d in dims)
        made = self._step(
            "sum", self._number(node.args[0]), dims=dims, scale=1 / count if mean else 1.0
        )
        return self._step("reshape", made, shape=_shape(node))

    def _known_or(self, value: Any) -> Any:
        """The node, or the tensor that is known in its place."""
        return self._known.get(value, value) if isinstance(value, fx.Node) else value


def _name(node: fx.Node) -> str:
    """The operation of a node, without the form in which it was called."""
    return getattr(node.target, "__name__", str(node.target)).partition(".")[0]


def _like(value: Any) -> Tensor:
    """A node's result in the call that was watched, or a tensor itself."""
    tensor: Tensor = value.meta["val"] if isinstance(value, fx.Node) else value
    return tensor


def _shape(value: Any) -> list[int]:
    """The shape of a node's result, or of a tensor."""
    return list(_like(value).shape)
