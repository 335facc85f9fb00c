"""What gatecast exports, and what it does not import until it is needed."""

import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import gatecast as gc

NAMES = {
    "__version__", "Estimator", "Forecaster", "Function", "Mean", "Network", "Prices", "Quantile", "Result",
    "TorchModel", "Training", "audit", "backtest", "compare", "fit_windows", "join", "judge", "load",
    "open_run",
}  # fmt: skip
IN_FULL = [pytest.mark.slow, pytest.mark.full]
HEAVY = ["jax", "pandas", "numpy", "altair", "arch", "scipy", "pyarrow", "yfinance", "optax"]


def test_exactly_these_names_are_public() -> None:
    assert set(gc.__all__) == NAMES
    assert set(dir(gc)) == NAMES
    for name in NAMES:
        assert getattr(gc, name) is not None
    with pytest.raises(AttributeError, match="'gatecast' has no attribute 'predict'"):
        _ = gc.predict


@pytest.mark.parametrize("name", sorted(NAMES - {"__version__"}))
def test_public_names_are_documented(name: str) -> None:
    thing = getattr(gc, name)
    assert len(inspect.getdoc(thing) or "") > 60
    if inspect.isclass(thing):
        own = (member for member in vars(thing) if not member.startswith("_"))
        members = [member for member in own if callable(getattr(thing, member))]
        assert all(inspect.getdoc(getattr(thing, member)) for member in members)


@pytest.mark.parametrize(
    "code",
    [
        "import gatecast; gatecast.Network()",
        pytest.param(
            "sys.argv = ['gatecast', '--help']; from gatecast.__main__ import main; main()", marks=IN_FULL
        ),
        "sys.argv = ['gatecast', 'compare', '--help']; from gatecast.__main__ import main; main()",
        pytest.param(
            "sys.argv = ['gatecast', '--version']; from gatecast.__main__ import main; main()", marks=IN_FULL
        ),
    ],
)
def test_heavy_imports_wait_until_they_are_needed(code: str) -> None:
    """Importing and asking for help take a few tenths of a second; JAX and pandas alone take two seconds."""
    report = f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    look = f"import atexit, sys\natexit.register(lambda: {report})\n{code}"
    ended = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"
    assert bool(ended.stdout) == ("main()" in code)


def test_no_module_takes_the_place_of_a_public_name() -> None:
    """Importing a submodule sets its name in the package: none may be called as a function is."""
    package = Path(gc.__file__).parent
    assert not NAMES & {module.name for module in pkgutil.iter_modules([str(package)])}
