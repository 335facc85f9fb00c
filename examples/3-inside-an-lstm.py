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
# # Inside an LSTM
#
# After this notebook you can open a trained LSTM, watch its gates bar by bar, see which bars its forecast
# depends on, and measure whether what it learned is of any use. We take the S&P 500 sample, a small network and
# the honest target: tomorrow's return.

# %%
import warnings

import numpy as np

import gatecast as gc

warnings.simplefilter("ignore")
prices = gc.load("sample:sp500", start="2010-01-01")
network = gc.Network(cell="lstm", hidden_size=8)
result = gc.compare(prices, [{"lstm": network}], folds=2, seeds=2, training=gc.Training(epochs=10))
print(result.verdict.text)

# %% [markdown]
# The verdict comes first, for all that follows is about *this* network. Pictures of gates look equally wise in a
# network that knows something and in one that knows nothing.
#
# ## The gates at the last bar
#
# Each strip is a gate or a state; a row is one of its units, a column a bar, the newest on the right.

# %%
lstm = result.models["lstm"]
lstm.plot_gates()

# %% [markdown]
# How long does it remember? A unit that keeps a share *f* of its cell at each bar has forgotten half of it after
# log(0.5) / log(*f*) bars.

# %%
forget = lstm.trace()["forget_l0"].mean(axis=(0, 1))
for unit, kept in enumerate(forget, start=1):
    print(
        f"unit {unit}: keeps {kept:.2f} of its cell at a bar, half of it for {np.log(0.5) / np.log(kept):.1f} bars"
    )

# %% [markdown]
# ## What does the forecast depend on?
#
# For saliency we take bare arrays: the scaled windows that the networks of the run read, and the next returns, in
# units of their standard deviation. Windows before the last year train, the last year is only looked at.

# %%
closes = prices.table["close"].to_numpy()
returns = np.diff(np.log(closes))
scaled = (returns / returns[:-250].std()).astype("float32")
X = np.lib.stride_tricks.sliding_window_view(scaled[:-1], 20)[:, :, None]
y = scaled[20:]
fit = gc.fit_windows(network, gc.Training(epochs=10), X[:-250], y[:-250], validation=0.2, seeds=2)
fit.plot_saliency(X[-250:], names=["return"])

# %%
size = np.abs(fit.saliency(X[-250:])).mean(axis=(0, 2))
print(f"the five newest of 20 bars hold {100 * size[-5:].sum() / size.sum():.0f} % of the saliency")
error, naive = np.mean((y[-250:] - fit.predict(X[-250:])) ** 2), np.mean(y[-250:] ** 2)
print(f"skill in the last 250 sessions: {100 * (1 - error / naive):+.2f} %")

# %% [markdown]
# The network does react to what it reads. Whether it reacts *rightly* is another question, which gradients cannot
# answer.
#
# ## Is any input worth something?
#
# Importance gives every session of the test another session's values of one input, and measures the skill that is
# lost, with a 95 % interval.

# %%
table = result.importance()
result.plot_importance(table)

# %%
for row in table.itertuples():
    sure = "worth something" if row.low > 0 else "harmful" if row.high < 0 else "cannot be told from noise"
    print(
        f"{row.input}: {100 * row.value:+.2f} points ({100 * row.low:+.2f} to {100 * row.high:+.2f}), {sure}"
    )

# %% [markdown]
# ## What did it learn?
#
# Little, and the numbers above say how little: compare the points of skill with their intervals. The gates move, the
# saliency has a shape, and a reader can make up a story for both. The story is worth as much as the verdict at the
# top: an interval of skill that holds zero means that forecasting "tomorrow = today" was as good.
