"""A GPU that is not there: tensors that say they lie on one, and compute on the CPU.

Tests can so count how often a program waits for its device, and see that it never mixes tensors of
the device with those of the host, on a machine that has no GPU. What it cannot show is how fast
anything is, and what the kernels of a real device round.

A wait, as CUDA has it, is whatever needs a value of the device on the host: `.item()`, `.tolist()`,
`.cpu()`, `bool()`, `nonzero`, an index of booleans, `repeat_interleave` by a tensor, `unique`. So
is a copy to the device from memory that is not pinned, or that is not told to run beside the host.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

from attnaudit.data import transfer

# torch computes nothing on this one, so that all of it is ours, and needs no driver for it.
DEVICE = torch.device("meta")
_ATEN = torch.ops.aten
# Their results have a size, or are numbers, that the host must know.
_WAITING = {
    *("_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "unique_dim"),
    *("unique_consecutive", "bincount", "is_nonzero", "unique_dim_consecutive"),
}
_INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}


class Waited:
    """How often the program waited for the device, by kind; and how much it sent without waiting.

    `places` counts the lines of the package that did it.
    """

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.places: Counter[str] = Counter()
        self.sent = 0

    @property
    def total(self) -> int:
        """All waits."""
        return self.kinds.total()

    def forget(self) -> None:
        """Count from now."""
        self.kinds.clear()
        self.places.clear()
        self.sent = 0

    def note(self, kind: str) -> None:
        """One wait more."""
        self.kinds[kind] += 1
        self.places[f"{kind} {_place()}"] += 1


def _place() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if "/attnaudit/" in name:
            return f"{name.rpartition('/attnaudit/')[2]}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "elsewhere"


class OnDevice(Tensor):
    """A tensor whose numbers are those of `held`, on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnDevice:
        made: OnDevice = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"{func} of a simulated device outside of its context")

    def tolist(self) -> Any:  # which torch refuses for subclasses
        """The numbers on the host."""
        return self.cpu().tolist()

    def __repr__(self, **_: Any) -> str:
        return f"OnDevice({self.held!r})"


class _Mode(TorchDispatchMode):
    def __init__(self, waited: Waited) -> None:
        super().__init__()
        self.waited = waited
        self.pinned: list[Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = func._schema.name.removeprefix("aten::")
        if name == "is_pinned":
            return any(args[0] is one for one in self.pinned)
        if name == "_pin_memory":
            self.pinned.append(args[0].clone())
            return self.pinned[-1]
        there = [x for x in tree_leaves((args, kwargs)) if isinstance(x, OnDevice)]
        asked = kwargs.get("device")
        asked = None if asked is None else torch.device(asked)
        if name == "_to_copy" and asked is not None:
            return self._moved(func, args, kwargs, bool(there), asked)
        if name == "copy_":
            self._copied(args[0], args[1], bool(args[2:] and args[2]))
        if not there and (asked is None or asked.type != DEVICE.type):
            return func(*args, **kwargs)
        if asked is not None:
            kwargs["device"] = torch.device("cpu") if asked.type == DEVICE.type else asked
        host = asked is not None and asked.type != DEVICE.type
        self._check(name, args, kwargs)
        return self._computed(func, name, args, kwargs, host)

    def _computed(self, func: Any, name: str, args: Any, kwargs: Any, host: bool) -> Any:
        given = func(*tree_map(_held, args), **tree_map(_held, kwargs))
        if host or name == "_local_scalar_dense":
            return given
        made = tree_map(lambda x: OnDevice(x) if isinstance(x, Tensor) else x, given)
        return return_and_correct_aliasing(func, args, kwargs, made)

    def _check(self, name: str, args: Any, kwargs: Any) -> None:
        """Note a wait; refuse what a real device would refuse."""
        if name in _WAITING or (name == "repeat_interleave" and kwargs.get("output_size") is None):
            self.waited.note(name)
        if name == "copy_":
            return
        plain = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor) and x.ndim]
        plain = [x for x in plain if not isinstance(x, OnDevice)]
        if name in _INDEXING:
            indices = [x for x in tree_leaves(args[1]) if isinstance(x, Tensor)]
            if any(x.dtype in (torch.bool, torch.uint8) for x in indices):
                self.waited.note(f"{name} by booleans")
            if any(not isinstance(x, OnDevice) for x in indices):
                self.waited.note(f"{name} by an index of the host")
            plain = [x for x in plain if not any(x is i for i in indices)]
        if plain:
            raise RuntimeError(f"{name}: tensors of the device and of the host are mixed")

    def _moved(self, func: Any, args: Any, kwargs: Any, there: bool, asked: torch.device) -> Any:
        if asked.type == DEVICE.type:
            kwargs["device"] = torch.device("cpu")
            if there:
                return OnDevice(func(_held(args[0]), **kwargs))
            self._send(args[0], bool(kwargs.pop("non_blocking", False)))
            return OnDevice(func(args[0], **kwargs))
        if there:
            self.waited.note("to the host")
        return func(_held(args[0]), **kwargs)

    def _copied(self, to: Tensor, source: Tensor, beside: bool) -> None:
        if not source.ndim and not isinstance(source, OnDevice):
            return  # a number, which goes with the command
        if isinstance(to, OnDevice) and not isinstance(source, OnDevice):
            self._send(source, beside)
        elif isinstance(source, OnDevice) and not isinstance(to, OnDevice):
            self.waited.note("to the host")

    def _send(self, tensor: Tensor, beside: bool) -> None:
        if beside and any(tensor is one for one in self.pinned):
            self.waited.sent += 1
        else:
            self.waited.note("to the device")


def _held(value: Any) -> Any:
    return value.held if isinstance(value, OnDevice) else value


@contextmanager
def counting() -> Iterator[Waited]:
    """Within the context the device can be computed on; gives what was waited for."""
    waited, own = Waited(), torch.tensor

    def tensor(values: Any, *, device: Any = None, **kwargs: Any) -> Tensor:
        made = own(values, **kwargs)
        return made if device is None else made.to(device)

    # torch would make an empty one for this device.
    torch.tensor = tensor  # type: ignore[assignment]
    transfer.PINNED.add(DEVICE.type)
    try:
        with _Mode(waited):
            yield waited
    finally:
        torch.tensor = own
        transfer.PINNED.remove(DEVICE.type)
