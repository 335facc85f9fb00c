"""Source → Prices: one row per symbol and session, checked."""
