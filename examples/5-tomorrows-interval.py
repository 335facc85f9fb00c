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
# # Tomorrow's interval, and a record of it
#
# After this notebook you can forecast the interval in which the next closes will probably lie, and keep a record of such
# forecasts that shows later how good they were.
#
# ## The interval
#
# A network with the output `student_t` forecasts a distribution of the return, and so an interval: in four cases of five
# the price should lie within the 80 % one. To be quick, the network is small and trained with two seeds.

# %%
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import gatecast as gc

os.chdir(tempfile.mkdtemp())
sample = gc.load("sample:sp500", start="2014-01-01").table.rename(columns={"session": "date"})
file = Path("prices.csv")
sample.iloc[:-5].to_csv(file, index=False)  # the last five days are kept for later

network = gc.Network(cell="gru", hidden_size=8, output="student_t")
forecaster = gc.Forecaster(network, horizon=5, seeds=2, training=gc.Training(epochs=10)).fit(str(file))
forecast = forecaster.forecast()
forecast[["origin", "time", "step", "q10", "forecast", "q90"]].round({"q10": 1, "forecast": 1, "q90": 1})

# %%
forecaster.plot()

# %% [markdown]
# The interval widens with every step, for the moves of the days add up. That it is called an 80 % interval does not make
# it one: compare the network before you rely on it (notebook 1), and keep a record.
#
# ## New bars
#
# When a day has passed, the fitted networks forecast from the longer history, without being trained again.

# %%
sample.iloc[:-4].to_csv(file, index=False)
newer = forecaster.forecast(str(file))
newer[["origin", "time", "step", "q10", "forecast", "q90"]].round({"q10": 1, "forecast": 1, "q90": 1})

# %% [markdown]
# ## The record
#
# `gatecast forecast` writes each forecast down before the outcome is known; nothing can be changed afterwards without
# it being seen. Here the record lies in a temporary folder.

# %%
os.environ["GATECAST_LEDGER"] = "ledger.db"


def command(words):
    """What the command line prints."""
    return subprocess.run(
        [sys.executable, "-m", "gatecast", *words.split()], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


network = "--model gru --output student_t --hidden-size 8 --seeds 2 --epochs 10 --horizon 3"
print(command(f"forecast prices.csv {network} --calendar XNYS --quiet"))

# %% [markdown]
# Some days later the file has grown, and `score` compares the predicted with the actual returns. These prices are years old:
# the forecast was made after the outcome was known, which the record sees. It counts as a backcast and is shown apart.

# %%
sample.to_csv(file, index=False)
print(command("score --quiet"))

# %% [markdown]
# One forecast says nothing about an interval. Have your computer run both commands every day; from forty forecasts on the
# record also says whether the intervals of the later half held as often as those of the earlier one.
