"""Where the data of a run are found, and what is refused."""

from pathlib import Path

import pandas as pd
import pytest

import gatecast as gc
from gatecast.errors import DataError, SettingError
from gatecast.recipes import page, recipe_of, running

pytestmark = pytest.mark.filterwarnings("ignore::gatecast.errors.DataWarning")


def test_yahoo_is_where_the_korean_tutorials_download():
    assert {name: running.source_of(recipe_of(name), None) for name in ("samsung", "kospi", "tesla")} == {
        "samsung": "yahoo:005930.KS",
        "kospi": "yahoo:^KS11",
        "tesla": "yahoo:TSLA",
    }
    with pytest.raises(SettingError, match="google needs --data"):
        running.source_of(recipe_of("google"), None)


def test_a_download_has_the_tutorials_dates_and_the_page_says_that_yahoo_rescales(monkeypatch, stand_in):
    asked, prices = [], gc.load(stand_in("tesla"))

    def download(source, **dates):
        asked.append((source, dates))
        return prices

    monkeypatch.setattr(gc, "load", download)
    monkeypatch.setattr(type(recipe_of("tesla")), "networks", {"lstm": gc.Network(hidden_size=2)})
    made = running.run(recipe_of("tesla"), epochs=1, corrected=False)
    assert asked == [("yahoo:TSLA", {"start": "2010-06-29", "end": "2020-07-31"})]
    assert "Yahoo rescales old prices after every split" in page.page(made, "…", ())
    assert "--data" not in page.command_of(made, Path("docs"), None, 0)


def test_too_few_rows_are_refused():
    frame = pd.DataFrame({"Close": [1.0] * 20})
    with pytest.raises(DataError, match="20 rows"):
        recipe_of("tesla").pipeline(frame)
