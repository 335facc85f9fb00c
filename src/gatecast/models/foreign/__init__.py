"""Models that are not gatecast's own: regressors, modules of PyTorch, functions of a history."""
