"""All that keeps a source from being used is said at once."""

import pytest

import gatecast as gc
from gatecast.data import unusable
from gatecast.data.sources import examine
from gatecast.errors import DataError
from gatecast.settings.reading import Reading

LINES = (
    "Date,Open,Close,Volume,Note",
    "2021-03-01,1,1.5,10,a",
    "2021-03-02,1,abc,10,b",
    "soon,1,1.5,10,b",
    "2021-03-33,1,1.5,10,b",
    "2021-03-05,1,,10,b",
    "2021-03-08,1,1e40,10,b",
    "2021-03-09,1,1e50,10,b",
    "2021-03-10,x,1.4,10,b",
    "2021-03-11,1,1.4,10,b",
    "2021-03-11,1,1.6,10,b",
)
FOUND = [
    ("not a date", 3, 1),
    ("no such date", 4, 1),
    ("not a number", 8, 1),
    ("not a number", 2, 1),
    ("the close is empty", 5, 1),
    ("the close is too large or too small for a price", 6, 2),
    ("prices has this date twice, with other values in row 9", 10, 1),
]


def test_every_problem_with_its_count_and_first_place(write) -> None:
    (part,) = examine(write(*LINES), Reading())
    assert [(problem.what, problem.row, problem.count) for problem in part.problems] == FOUND
    said = unusable.report(part)
    assert all(problem.text in said for problem in part.problems)
    assert "columns without numbers, left out: Note" in said
    summary = unusable.summary(part)
    assert summary["usable"] is False
    assert [problem["row"] for problem in summary["problems"]] == [row for _, row, _ in FOUND]


def test_an_error_names_them_all(write) -> None:
    with pytest.raises(DataError, match="not a date") as caught:
        gc.load(write(*LINES))
    assert len(caught.value.problems) == len(FOUND)
    assert str(caught.value).count("also: ") == len(FOUND) - 1


def test_what_is_outside_of_what_is_asked_for_is_no_problem(write) -> None:
    file = write(LINES[0], *LINES[5:9], "2021-03-12,1,2,10,c", "2021-03-15,1,2,10,c")
    assert len(gc.load(file, start="2021-03-11", calendar="weekdays").table) == 2


def test_dates_that_can_be_read_in_two_ways_do_not_hide_the_rest(write) -> None:
    (part,) = examine(write("Date,Close", "1/2/2020,x", "1/3/2020,1", "1/6/2020,1"), Reading())
    assert [problem.what for problem in part.problems] == [
        "not a number",
        "these dates can be read as month/day and as day/month",
    ]


def test_no_file_is_a_problem_too(tmp_path) -> None:
    (part,) = examine(tmp_path / "none.csv", Reading())
    assert "there is no such file" in unusable.report(part)
