"""Prices → Problem and folds: what was known at each origin, and the targets after it."""
