"""Sizes of padded arrays: a program is compiled for sizes, and data of nearly the same size share one.

What is padded is never read: origins lie within the data, and counts say how many of them there are.
"""

from collections.abc import Sequence

import numpy as np

from gatecast.nn.program import AnyArray, Dataset

LEAST_ROWS = 512
LEAST_SCALES = 8  # folds, and symbols
FINENESS = 3  # four sizes between a large power of two and the next


def padded_size(count: int, least: int = 1) -> int:
    """The size to which `count` is padded: the next multiple of `least`, and where it is many, of more.

    At most a quarter is added to a count of four of the least or more.
    """
    step = max(least, 1 << max((count - 1).bit_length() - FINENESS, 0))
    return max(-(-count // step), 1) * step


def padded(dataset: Dataset) -> Dataset:
    """The same data in arrays of padded sizes."""
    rows = padded_size(len(dataset.features), LEAST_ROWS)
    scales, symbols = (padded_size(size, LEAST_SCALES) for size in dataset.x_scale.shape[:2])
    whole = Dataset(
        features=_to(dataset.features, [rows]),
        targets=_to(dataset.targets, [rows]),
        symbol=_to(dataset.symbol, [rows]),
        x_offset=_to(dataset.x_offset, [scales, symbols]),
        x_scale=_to(dataset.x_scale, [scales, symbols]),
        y_offset=_to(dataset.y_offset, [scales, symbols]),
        y_scale=_to(dataset.y_scale, [scales, symbols]),
    )
    if dataset.known is None or dataset.known_row is None:
        return whole
    bars = padded_size(len(dataset.known), LEAST_ROWS)
    return whole._replace(known=_to(dataset.known, [bars]), known_row=_to(dataset.known_row, [rows]))


def _to(array: AnyArray, sizes: Sequence[int]) -> AnyArray:
    """An array whose first axes have these sizes, with zeros behind."""
    behind = [size - have for size, have in zip(sizes, array.shape, strict=False)]
    return np.pad(array, [(0, more) for more in behind] + [(0, 0)] * (array.ndim - len(sizes)))
