import pytest

from gatecast import memory
from gatecast.errors import InputError


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 16 * memory.GIB)


def test_a_system_that_does_not_tell_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: None)
    memory.require_table(10**15, 10, "a.parquet")


def test_tables_too_large_to_read_are_refused() -> None:
    with pytest.raises(InputError, match=r"a\.parquet: reading 200,000,000 rows of 7 columns would need"):
        memory.require_table(200_000_000, 7, "a.parquet")


def test_what_is_needed_is_more_than_there_is_in_words_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 8.01 * memory.GIB)
    with pytest.raises(InputError, match=r"would need about 8\.04 GiB of memory, and 8\.0 GiB are available"):
        memory.require(8.04 * memory.GIB, "It", "Ask for less.")
