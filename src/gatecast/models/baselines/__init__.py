"""The rivals of every network: the same rows, the same folds.

Each is a function of `(problem, fold)` that returns the distribution (`Point` where it has none) of the log
returns of the fold's N test origins, (N, h). What it fits, it fits per symbol on the fold's training and
validation rows; what it reads at an origin ends there. `gatecast.settings.names.BASELINES` lists them.
"""
