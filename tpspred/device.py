"""Which processor the network runs on, and with how many threads."""

import contextlib
import time

from .errors import TpspredError


def resolve(name):
    """Turn 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps' into a torch device.

    Raises:
        TpspredError: If the name is unknown or that device is not there.

    >>> resolve("cpu")
    device(type='cpu')
    """
    import torch

    here = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if here[kind]))
    kind, _, index = name.partition(":")
    if kind not in here or (index and not index.isdigit()):
        raise TpspredError.at("--device", name, "auto, cpu, cuda, cuda:N or mps")
    if not here[kind] or (index and kind == "cuda" and int(index) >= torch.cuda.device_count()):
        raise TpspredError.at(
            "--device", f"no {name} on this machine", "a device that is present, or auto"
        )
    return torch.device(name)


@contextlib.contextmanager
def one_thread():
    """Let torch use one CPU thread: sums then do not depend on the machine, and small matrices are faster."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def timed(device, work):
    """Wall seconds until the device has done the work."""
    import torch

    began = time.monotonic()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic() - began


def matrix_rate(device, dtype, runs=10):
    """Operations per second of a large matrix product, the most that a network can come to."""
    import torch

    width = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(width, width, device=device, dtype=dtype) for _ in range(2))
    timed(device, lambda: a @ b)
    seconds = timed(device, lambda: [a @ b for _ in range(runs)])
    return runs * 2 * width**3 / seconds
