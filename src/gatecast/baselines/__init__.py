"""The rivals of every network: the same rows, the same folds."""
