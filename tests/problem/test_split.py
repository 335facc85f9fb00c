import pytest

from gatecast.errors import DataError, SettingError
from gatecast.problem.problem import make_problem
from gatecast.problem.split import split_rows


@pytest.fixture
def split(walks, prices_of):
    def make(parts):
        """Two symbols of 30 rows; parts: row → what the column says, "train" elsewhere."""
        frame = walks(2, 30)
        frame["part"] = [parts.get(row, "train") for row in range(60)]
        return make_problem(prices_of(frame), lookback=3, horizon=1)

    return make


def test_the_last_rows_that_are_called_test_are_counted(split):
    problem = split({28: "test", 29: "Test ", 59: "test"})
    assert split_rows(problem, "part").tolist() == [2, 1]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({row: row % 3 for row in range(60)}, '"2.0" of a row of A00'),
        ({20: "test", 29: "test", 59: "test"}, "A00 has a row of the test before one to train on"),
        ({29: "test"}, "A01 has no row of the test"),
    ],
)
def test_what_is_no_split_is_refused(split, parts, said):
    with pytest.raises(DataError, match=said):
        split_rows(split(parts), "part")


def test_zeros_and_ones_say_the_same(split):
    assert split_rows(split({row: int(row in (28, 29, 59)) for row in range(60)}), "part").tolist() == [2, 1]


def test_a_column_that_is_not_there_is_refused(split):
    with pytest.raises(SettingError, match=r'is no column of the data\. Did you mean "part"'):
        split_rows(split({}), "parts")
