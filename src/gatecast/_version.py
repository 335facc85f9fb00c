"""The version of gatecast."""

__version__ = "0.1.0"
