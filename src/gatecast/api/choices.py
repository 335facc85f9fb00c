"""What users choose of trained networks, checked: a seed, a symbol."""

from __future__ import annotations

from collections.abc import Sequence

from gatecast.errors import SettingError, did_you_mean
from gatecast.formatting import some
from gatecast.language import say


def known_seed(seeds: Sequence[int], seed: int | None) -> int:
    """The seed asked for, which is one of `seeds`; None: the first of them."""
    if seed is not None and seed not in seeds:
        raise SettingError(
            say("there is no such seed; they are {first} to {last}", first=seeds[0], last=seeds[-1]),
            setting="seed",
            value=seed,
        )
    return seeds[0] if seed is None else seed


def place_of_symbol(symbols: Sequence[str], symbol: str | None) -> int:
    """The place among `symbols` of the one asked for, which must be named."""
    if symbol not in symbols:
        near = "" if symbol is None else did_you_mean(symbol, symbols)
        raise SettingError(
            say("choose one of {symbols}.{near}", symbols=some(symbols), near=near),
            setting="symbol",
            value=symbol,
        )
    return symbols.index(symbol)
