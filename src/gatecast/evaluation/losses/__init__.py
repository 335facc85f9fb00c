"""Losses: how far a forecast is from the actual price, and against which model that is judged."""

from gatecast.evaluation.losses.absolute_error import ABSOLUTE_ERROR
from gatecast.evaluation.losses.base import Loss
from gatecast.evaluation.losses.crps import CRPS
from gatecast.evaluation.losses.own import OwnLoss
from gatecast.evaluation.losses.pinball import PINBALL
from gatecast.evaluation.losses.squared_error import SQUARED_ERROR

DEFAULT_LOSSES: tuple[Loss, ...] = (SQUARED_ERROR, CRPS)  # what a comparison is judged by

__all__ = ["ABSOLUTE_ERROR", "CRPS", "DEFAULT_LOSSES", "PINBALL", "SQUARED_ERROR", "Loss", "OwnLoss"]
