"""Functions named as module:function."""

import re
from pathlib import Path

import pytest

from gatecast.errors import SettingError
from gatecast.user_functions import named_function


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "named_for_a_test.py").write_text(
        "print('imported')\nnumber = 3\ndef rolling(table):\n    return table[['close']].rolling(5).mean()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "named_for_a_test"


def test_a_named_function_is_found_and_stdout_stays_clean(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named_function("named_for_a_test:rolling", "features").__name__ == "rolling"
    assert capsys.readouterr() == ("", "imported\n")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module_here:f", "No module named"),
        ("named_for_a_test:nothing", "has no attribute 'nothing'"),
        ("named_for_a_test", "Write module:function"),
        (":f", "Write module:function"),
        (".above:f", "Write module:function"),
        ("named_for_a_test:number", "is not a function"),
        ("sys:exit", "is not a function of a table of prices"),
        ("os:_exit", "is not a function of a table of prices"),
        ("builtins:exec", "is not a function of a table of prices"),
    ],
)
def test_a_function_that_is_not_there(module: str, name: str, said: str) -> None:
    with pytest.raises(SettingError, match=re.escape(f'features "{name}"') + f".*{said}"):
        named_function(name, "features")


@pytest.mark.parametrize(
    "line", ["raise SystemExit(0)", "raise BaseException('odd')", "1 / 0", "def", "raise GeneratorExit"]
)
def test_a_module_that_fails_or_ends_the_process(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_for_a_test.py").write_text(line)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingError, match=r'pipeline "failing_for_a_test:f": .*Write module:function'):
        named_function("failing_for_a_test:f", "pipeline")
