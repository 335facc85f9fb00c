"""Prices → Problem and folds: what was known at each origin, and what came after it."""
