"""Judged: everything that is asked of a judgement of forecasts that were made elsewhere."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from gatecast.language import marked
from gatecast.settings.base import Date
from gatecast.settings.network import Network
from gatecast.settings.reading import Reading, check_date


class Judged(Reading):
    """Which forecasts were judged, of which prices; nothing was trained.

    source, forecasts: where the prices and the forecasts come from; models: all names, in the order of the
    tables; baselines: those among them that the forecasts are judged beside.
    """

    kind: Literal["judged"] = "judged"
    source: tuple[str, ...] = ()
    forecasts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    column: str = Field(default="close", description=marked("the price that is forecast"))
    horizon: int = Field(default=1, ge=1, le=1000)
    trained_until: Date = Field(
        default=None,
        description=marked("the last day that the models may have been trained on; later ones are judged"),
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description=marked("of the Monte Carlo of the tests"))

    @model_validator(mode="after")
    def _trained_until(self) -> Judged:
        check_date("trained_until", self.trained_until)
        return self

    @property
    def given(self) -> tuple[str, ...]:
        """The models whose forecasts were given."""
        return tuple(name for name in self.models if name not in self.baselines)

    @property
    def networks(self) -> dict[str, Network]:
        """None."""
        return {}
