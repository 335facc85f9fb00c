"""gatecast: recurrent networks for price forecasting, compared honestly."""

__version__ = "0.1.0"
