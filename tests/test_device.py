import time

import pytest
import torch

from tpspred import device
from tpspred.errors import TpspredError

CPU = torch.device("cpu")


def test_auto_takes_a_device_that_is_present():
    assert device.resolve("auto").type in ("cpu", "cuda", "mps")
    gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
    assert (device.resolve("auto").type != "cpu") == gpu


def test_cpu_is_always_present():
    assert device.resolve("cpu") == CPU


@pytest.mark.parametrize(
    "name, message",
    [
        ("cuda:99", "found no cuda:99 on this machine; wanted a device that is present, or auto"),
        ("tpu", "found tpu; wanted auto, cpu, cuda, cuda:N or mps"),
        ("cuda:x", "found cuda:x; wanted auto, cpu, cuda, cuda:N or mps"),
        ("", "found ; wanted auto, cpu, cuda, cuda:N or mps"),
    ],
)
def test_a_device_that_is_absent_or_unknown_is_refused(name, message):
    with pytest.raises(TpspredError, match=f"--device: {message}"):
        device.resolve(name)


@pytest.fixture
def two_threads():
    threads_before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads_before)


def test_one_thread_is_given_back(two_threads):
    with device.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_one_thread_is_given_back_after_an_error(two_threads):
    with pytest.raises(ZeroDivisionError), device.one_thread():
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2


def test_time_is_that_of_the_work():
    calls = []
    seconds = device.timed(CPU, lambda: (calls.append(1), time.sleep(0.05)))
    assert calls == [1]
    assert 0.05 <= seconds < 5


def test_matrix_rate_is_operations_per_second(monkeypatch):
    """A clock that says that all products take two seconds makes the rate exact."""
    seconds = iter([1.0, 2.0])
    monkeypatch.setattr(device, "timed", lambda where, work: (work(), next(seconds))[1])
    assert device.matrix_rate(CPU, torch.float32, runs=3) == 3 * 2 * 1024**3 / 2.0
