"""Forecasts that were made elsewhere, read from their table, matched with the prices, beside baselines."""
