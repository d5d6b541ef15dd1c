import time

from hypothesis import given
from hypothesis import strategies as st

from tpspred.io.names import UniqueNames


@given(st.lists(st.sampled_from(["a", "a_2", "a_2_2", "a_3", "b"])))
def test_names_become_unique_and_new_ones_stay(names):
    unique_names = UniqueNames()
    made = [unique_names.make(name) for name in names]
    assert len(set(made)) == len(made)
    seen = set()
    for name, unique in zip(names, made):
        assert unique == name or (name in seen and unique.startswith(f"{name}_"))
        seen.add(unique)


def test_many_repeats_take_linear_time():
    unique_names = UniqueNames()
    begin = time.process_time()
    assert [unique_names.make("a") for _ in range(200_000)][-1] == "a_200000"
    assert time.process_time() - begin < 20  # a search from 2 on every time takes an hour
