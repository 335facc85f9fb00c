# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Bring your own model, and judge a foundation model's forecasts
#
# After this notebook you can put any model of yours beside "tomorrow = today" under the same rules as the networks,
# and get a verdict on a table of forecasts that somebody else made.
#
# ## Models of your own
#
# Three kinds are taken: estimators in the style of scikit-learn, which get windows of past bars; functions of a history,
# which are called at every origin with the rows up to it and nothing else; modules of PyTorch. gatecast keeps the folds,
# the scaling and the refits, so that no model can see the future.

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

import gatecast as gc

prices = gc.load("sample:sp500", start="2010-01-01")


def reversal(history, horizon):
    """A tenth of today's move is taken back tomorrow."""
    before, last = history["close"].iloc[-2:]
    return np.full(horizon, last * (last / before) ** -0.1)


models = ["gru", {"ridge": Ridge(alpha=10.0), "reversal": reversal}]
result = gc.compare(prices, models, folds=2, seeds=2, training=gc.Training(epochs=10))
print(result.verdict)

# %%
result.plot("skill")

# %% [markdown]
# All of them are tested jointly: the more models are tried, the better the best of them must be to count as evidence.
#
# ## Forecasts that somebody else made
#
# A foundation model runs elsewhere, often on a GPU, and leaves a table: when the forecast was made, for which bar, and
# quantiles of the price. This notebook works offline, so a stand-in plays the foundation model: it draws the coming
# returns from those of the last 250 days, with the mean shifted by noise. The form of the table is what such
# models write.

# %%
table = prices.table
sessions, close = table["session"].to_numpy(), table["close"].to_numpy()
returns = np.diff(np.log(close))
levels = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
rng = np.random.default_rng(0)
rows = []
for origin in range(1500, len(close) - 1):
    quantiles = np.quantile(returns[origin - 250 : origin], levels) + rng.normal(0, 0.001)
    row = {"unique_id": "SP500", "cutoff": sessions[origin], "ds": sessions[origin + 1]}
    rows.append(
        row
        | {
            f"q{100 * level:02.0f}": price
            for level, price in zip(levels, close[origin] * np.exp(quantiles), strict=True)
        }
    )
forecasts = pd.DataFrame(rows)
forecasts.head(3).round({name: 1 for name in forecasts if name.startswith("q")})

# %% [markdown]
# A pretrained model has seen the prices it was trained on, perhaps these. `trained_until` names the last day of its
# training data; forecasts of bars up to it are left out, and the verdict says how many.

# %%
judged = gc.judge(forecasts, prices, trained_until="2016-12-31")
print(judged.verdict)

# %% [markdown]
# The distribution is judged by its CRPS against the best of the baselines, the intervals by how often they held.

# %%
judged.plot("intervals")
