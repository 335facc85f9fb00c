"""Forecasts → scores → verdict."""
