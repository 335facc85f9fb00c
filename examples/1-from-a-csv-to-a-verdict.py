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
# # From a CSV to a verdict
#
# After this notebook you can take a file of prices, see what is in it, train networks on it, and say in one
# sentence whether they learned anything.
#
# The sample of the package stands in for your file: we write it to a CSV first. With a file of your own, start at
# `gc.load`.

# %%
import tempfile
from pathlib import Path

import gatecast as gc

folder = Path(tempfile.mkdtemp())
file = folder / "prices.csv"
sample = gc.load("sample:sp500", start="2010-01-01").table.rename(columns={"session": "date"})
sample.drop(columns="symbol").to_csv(file, index=False)
print(*file.read_text().splitlines()[:4], sep="\n")

# %% [markdown]
# ## What is in the file
#
# `gc.load` finds the columns, the dates and how far apart they are, drops what cannot be a price, and says so.

# %%
prices = gc.load(file)
print(prices)

# %% [markdown]
# ## The comparison
#
# Two networks beside "tomorrow = today" and three simple baselines. To be quick, this notebook takes two folds, two
# seeds and at most ten epochs; the defaults are five, five and fifty. A fold is a stretch of the test; before each one all models
# are fitted anew on what was known by then.

# %%
result = gc.compare(prices, ["gru", "lstm"], folds=2, seeds=2, training=gc.Training(epochs=10))
print(result.verdict)

# %% [markdown]
# Read it in three steps. **Is there evidence?** The first sentence answers for all models tried together, so that
# trying many is no way to win. **Could there have been?** The skill that this test finds four times in five says how
# much an advantage would have to be. **What did the network do?** The last sentences tell how far its forecast is
# the last price.
#
# ## The figures behind it
#
# Skill is the squared error saved against naive, as a fraction of naive's; below 0 a model is worse.

# %%
scores = result.scores[result.scores["step"] == "all"]
scores.pivot(index="model", columns="metric", values="value")[
    ["skill", "rmse_return", "directional_accuracy"]
].round(3)

# %% [markdown]
# ## The picture
#
# Above the price over the whole test, below the last weeks with the forecast. Close up one sees whether the forecast
# follows the price by a day.

# %%
result.plot("forecast")

# %% [markdown]
# And the changes: the forecast change against the actual one. A model that knows something lies along the dashed line;
# a copy of the last price lies flat.

# %%
result.plot("changes")

# %% [markdown]
# ## Keep it
#
# A run folder holds everything: the page for a browser, every forecast, the networks, and the settings that repeat
# the run to the last bit. `gc.open_run` reads it again.

# %%
saved = result.save(folder / "run", charts=False)
print(sorted(path.name for path in saved.iterdir()))
print(gc.open_run(saved).verdict.text == result.verdict.text)
