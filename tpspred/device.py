"""Choose the processor that the network runs on, and measure how fast it is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .errors import TpspredError

if TYPE_CHECKING:  # torch takes seconds to import, and not every command needs it
    import torch


def resolve(name: str) -> torch.device:
    """Turn 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps' into a torch device.

    Args:
        name: Name of the device; 'auto' takes a GPU if there is one.

    Raises:
        TpspredError: If the name is unknown or this machine has no such device.

    >>> resolve("cpu")
    device(type='cpu')
    """
    import torch

    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    kind, _, index = name.partition(":")
    if kind not in available or (index and not index.isdigit()):
        raise TpspredError.at("--device", name, "auto, cpu, cuda, cuda:N or mps")
    beyond_last = index and kind == "cuda" and int(index) >= torch.cuda.device_count()
    if not available[kind] or beyond_last:
        raise TpspredError.at(
            "--device", f"no {name} on this machine", "a device that is present, or auto"
        )
    return torch.device(name)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one CPU thread inside the block.

    Sums then do not depend on the number of cores, and small matrices are faster.
    """
    import torch

    threads_before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads_before)


def timed(device: torch.device, work: Callable[[], object]) -> float:
    """Return the seconds that the device takes to do the work.

    Args:
        device: Device that the work runs on; a GPU is waited for.
        work: Function without arguments.
    """
    import torch

    began = time.monotonic()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic() - began


def matrix_rate(device: torch.device, dtype: torch.dtype, runs: int = 10) -> float:
    """Measure how fast a device multiplies large matrices.

    Args:
        device: Device to measure.
        dtype: Type of the numbers, such as ``torch.bfloat16``.
        runs: Number of products, after a first one that is not timed.

    Returns:
        Floating-point operations per second; a network on this device cannot be faster.
    """
    import torch

    width = 8192 if device.type == "cuda" else 1024
    left = torch.randn(width, width, device=device, dtype=dtype)
    right = torch.randn(width, width, device=device, dtype=dtype)
    timed(device, lambda: left @ right)
    seconds = timed(device, lambda: [left @ right for _ in range(runs)])
    return runs * 2 * width**3 / seconds
