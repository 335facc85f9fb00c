"""Files as a stranger may write them: each must end in the right answer or in one message.

    python benchmarks/mutations.py csv 10000
    python benchmarks/mutations.py parquet 5000
    python benchmarks/mutations.py models 2000
    python benchmarks/mutations.py runs 2000
    python benchmarks/mutations.py csv,parquet,models,runs 40     # as the tests do

Each case is a whole file or folder with one to four changes, drawn from its number alone: bytes cut, flipped
or exchanged, cells and settings replaced by absurd ones, columns dropped, renamed and cast, keys removed,
metadata damaged. Hashes beside a changed part are written anew, as its author could. A case may end in an
InputError (the command's exit 2) or in an answer that holds; a traceback, a crash or more than 5 seconds is
a fault, and the script ends with 1.
"""

from __future__ import annotations

import faulthandler
import hashlib
import io
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
import tomllib
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SECONDS = 5.0
ABSURD = [
    None,
    True,
    "",
    "x" * 300,
    "\x1b[2J",
    "NaN",
    "nan",
    "1e400",
    "-1",
    "2^31",
    "<script>",
    "=1+1",
    "\u202e",
    "0x10",
    0,
    -1,
    1,
    2,
    1.5,
    -0.0,
    10**9,
    2**31,
    2**63,
    10**30,
    1e308,
    -1e308,
    5e-324,
    [],
    {},
    [[]],
    [1, 2],
    {"a": 1},
]
NUMBERS = [np.nan, np.inf, -np.inf, 0.0, -1.0, 1e308, -1e308, 5e-324, 1e9, 0.5, 1.0]
CELLS = [
    "",
    " ",
    "nan",
    "inf",
    "-",
    "abc",
    "1e400",
    "-1",
    "0",
    "1" * 309,
    "1,5",
    "1.2.3",
    "$1",
    "1%",
    "0x1F",
    "=1+1",
    "\x1b[31m",
    "2020-02-30",
    "2020-13-01",
    "1/2/3",
    "99999-01-01",
    "0001-01-01",
    "20200101",
    "12:00",
    "1577836800",
    '"',
    '""',
    "\ufeff",
    "\u0661\u0662",
    "🙂",
    "a" * 5000,
    "TRUE",
    "NA",
    "null",
    "1e5",
    "１２",
    "−5",
    "1 000",
    "'",
]
Check = Callable[[Path], str]


# ---- What a case changes --------------------------------------------------------------------------


def changed_bytes(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        place = rng.randrange(len(data) + 1) if data else 0
        what = rng.randrange(6)
        if what == 0:
            del data[place:]
        elif what == 1:
            del data[place : place + rng.choice([1, 7, 500])]
        elif what == 2:
            data[place:place] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 4, 100])))
        elif what == 3 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif what == 4:
            data[place : place + 4] = rng.choice([b"\0" * 4, b"\xff" * 4, b"\n\n", b"[" * 3000, b"9" * 5000])
        else:
            data = data[place:] + data[:place]
    return bytes(data)


def changed_csv(text: str, rng: random.Random) -> bytes:
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(rng.choice([1, 1, 2, 4])):
        row = rng.randrange(len(rows)) if rng.random() < 0.7 else 0
        cell = rng.randrange(max(len(rows[row]), 1))
        what = rng.randrange(10)
        if what <= 3 and rows[row]:
            rows[row][min(cell, len(rows[row]) - 1)] = rng.choice(CELLS)
        elif what == 4:
            rows[row] += rng.choice([[""], ["1"] * 3, ["x"]])
        elif what == 5 and rows[row]:
            del rows[row][min(cell, len(rows[row]) - 1)]
        elif what == 6:
            rows.insert(row, list(rng.choice(rows)))
        elif what == 7 and len(rows) > 2:
            del rows[row : row + rng.choice([1, 50])]
            rows = rows or [[""]]
        elif what == 8:
            for line in rows:
                if cell < len(line):
                    line[cell] = rng.choice(CELLS) if rng.random() < 0.02 else line[cell][::-1]
        else:
            rng.shuffle(rows) if rng.random() < 0.3 else rows.reverse()
    ends = rng.choice(["\n", "\n", "\n", "\r\n", "\r", "\n\n", ";\n"])
    separator = rng.choice([*"," * 12, ";", "\t", "|", " "])
    encoding = rng.choice([*["utf-8"] * 9, "utf-8-sig", "utf-16", "latin-1"])
    return ends.join(separator.join(line) for line in rows).encode(encoding, "replace")


def changed_frame(frame: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    frame = frame.copy()
    for _ in range(rng.randint(1, 3)):
        if frame.empty or not len(frame.columns):
            break
        name = rng.choice(list(frame.columns))
        what = rng.randrange(11)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if what == 0:
                    frame = frame.drop(columns=name)
                elif what == 1:
                    frame = frame.rename(
                        columns={name: rng.choice(["x", "", "close", "date", "=1", "a" * 999])}
                    )
                elif what == 2:
                    frame[name] = frame[name].astype(
                        rng.choice(["str", "float32", "int8", "bool", "category"])
                    )
                elif what <= 5:
                    rows = [rng.randrange(len(frame)) for _ in range(rng.choice([1, 3, 100]))]
                    column = frame[name]
                    value = (
                        rng.choice(NUMBERS) if pd.api.types.is_numeric_dtype(column) else rng.choice(CELLS)
                    )
                    frame[name] = column.astype(float if isinstance(value, float) else object)
                    frame.iloc[rows, list(frame.columns).index(name)] = value
                    if isinstance(value, str):
                        frame[name] = frame[name].astype(str)
                elif what == 6:
                    frame = frame.sample(frac=1, random_state=rng.randrange(100))
                elif what == 7:
                    frame = pd.concat([frame, frame.head(rng.choice([1, 50]))])
                elif what == 8:
                    frame = frame.head(rng.choice([0, 1, 2, 30]))
                elif what == 9:
                    frame[name] = rng.choice([0, -1, 10**9, "x", None, pd.Timestamp("1700-01-01"), [[1]] * 1])
                else:
                    frame[rng.choice(["extra", "close", "symbol"])] = 1.0
            except Exception:  # pandas refuses this change
                continue
    return frame


def parquet_of(frame: pd.DataFrame, rng: random.Random, metadata: dict[bytes, bytes] | None = None) -> bytes:
    """The frame as a Parquet file; perhaps with damaged notes of pandas' and gatecast's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=rng.choice([None, None, True, False]))
    notes = {**(metadata or {}), **(table.schema.metadata or {})}
    if rng.random() < 0.4:
        for name in list(notes):
            what = rng.randrange(4)
            if what == 0:
                del notes[name]
            elif what == 1:
                notes[name] = rng.choice([b"", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 5000, b"9" * 5000])
            elif what == 2:
                notes[name] = changed_bytes(notes[name], rng)
            else:
                notes[name] = json.dumps(changed_tree(json.loads(notes[name]), rng)).encode()
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(notes), buffer)
    return buffer.getvalue()


def changed_tree(tree: Any, rng: random.Random) -> Any:
    """Plain data with one node replaced, removed or nested."""
    if not isinstance(tree, (dict, list)) or not tree or rng.random() < 0.15:
        return [[[[tree]]]] if rng.random() < 0.1 else rng.choice(ABSURD)
    key = rng.choice(list(tree)) if isinstance(tree, dict) else rng.randrange(len(tree))
    if rng.random() < 0.15:
        del tree[key]
    elif isinstance(tree, dict) and rng.random() < 0.05:
        tree[rng.choice(["", "x", "sha256", "seed"])] = rng.choice(ABSURD)
    else:
        tree[key] = changed_tree(tree[key], rng)
    return tree


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# ---- CSV and Parquet ------------------------------------------------------------------------------


def walk(sessions: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(0.01 * rng.standard_normal(sessions))), 4)
    days = pd.bdate_range("2019-01-01", periods=sessions)
    columns = {"open": close + 0.1, "high": close + 1, "low": close - 1, "close": close, "volume": 1000.0}
    return pd.DataFrame({"date": days, **columns})


def check_prices(file: Path) -> str:
    """Loading ends in prices that keep their promises."""
    import gatecast as gc

    prices = gc.load(str(file))
    table = prices.table
    assert len(table) and (table["close"] > 0).all() and np.isfinite(table["close"]).all()
    assert table.groupby("symbol", observed=True)["session"].is_monotonic_increasing.all()
    assert not table.duplicated(["symbol", "session"]).any()
    repr(prices)
    return "read"


def csv_case(folder: Path, number: int) -> tuple[Path, Check]:
    rng = random.Random(f"csv {number}")
    frame = walk(rng.choice([3, 40, 120]), number % 5)
    if rng.random() < 0.3:
        frame = pd.concat([frame.assign(symbol=name) for name in ("A", "B")])
    text = frame.to_csv(index=False)
    content = changed_bytes(text.encode(), rng) if rng.random() < 0.3 else changed_csv(text, rng)
    (folder / "prices.csv").write_bytes(content)
    return folder / "prices.csv", check_prices


def parquet_case(folder: Path, number: int) -> tuple[Path, Check]:
    rng = random.Random(f"parquet {number}")
    own = (SEED / "prices.parquet").read_bytes()
    if rng.random() < 0.3:
        content = changed_bytes(own, rng)
    else:
        import pyarrow.parquet as pq

        gatecasts = rng.random() < 0.5
        frame = pd.read_parquet(io.BytesIO(own)) if gatecasts else walk(60, number % 5)
        notes = pq.read_schema(io.BytesIO(own)).metadata if gatecasts else None
        content = None
        while content is None:
            try:
                content = parquet_of(changed_frame(frame, rng), rng, notes)
            except Exception:  # Arrow refuses to write such a table
                continue
        if rng.random() < 0.1:
            content = changed_bytes(content, rng)
    (folder / "prices.parquet").write_bytes(content)
    return folder / "prices.parquet", check_prices


# ---- Models ---------------------------------------------------------------------------------------


def check_model(folder: Path) -> str:
    """A forecaster that loads forecasts finite prices."""
    import gatecast as gc

    forecaster = gc.Forecaster.load(folder)
    repr(forecaster)
    forecast = forecaster.forecast()
    numbers = forecast.select_dtypes("number").drop(columns="std_over_seeds").to_numpy(float)
    assert len(forecast) and np.isfinite(numbers).all() and (forecast["forecast"] > 0).all()
    same = sha256(forecast.to_csv().encode()) == (SEED / "forecast.sha256").read_text()
    return "the same forecast" if same else "another forecast"


def model_case(folder: Path, number: int) -> tuple[Path, Check]:
    rng = random.Random(f"models {number}")
    model = Path(shutil.copytree(SEED / "model", folder / "model"))
    changed_networks(model / "network", rng)
    return model, check_model


def changed_networks(stem: Path, rng: random.Random) -> None:
    """`stem`.json and `stem`.safetensors changed, mostly with hashes that fit each other."""
    from safetensors.numpy import load, save

    weights, settings = stem.with_name(f"{stem.name}.safetensors"), stem.with_name(f"{stem.name}.json")
    content, arrays = json.loads(settings.read_text()), load(weights.read_bytes())
    what = rng.randrange(8)
    if what == 0:
        settings.write_bytes(changed_bytes(settings.read_bytes(), rng))
        return
    if what == 1:
        weights.write_bytes(changed_bytes(weights.read_bytes(), rng))
        content["weights_sha256"] = sha256(weights.read_bytes())
    elif what <= 4:
        for _ in range(rng.randint(1, 2)):
            changed_tree(content, rng) if isinstance(content, dict) else None
    else:
        for _ in range(rng.randint(1, 2)):
            name = rng.choice(sorted(arrays))
            arrays[name] = changed_array(arrays[name], rng)
            if rng.random() < 0.15:
                arrays[rng.choice(["extra/symbol", "9/weight", name + "x"])] = arrays.pop(name)
        weights.write_bytes(save(arrays))
        content["weights_sha256"] = sha256(weights.read_bytes())
    if rng.random() < 0.9 and isinstance(content, dict):
        content.pop("sha256", None)
        digest = sha256(json.dumps(content, sort_keys=True).encode())
        content = {"sha256": digest, **content}
    settings.write_text(json.dumps(content))


def changed_array(values: np.ndarray, rng: random.Random) -> np.ndarray:
    what = rng.randrange(7)
    if what == 0:
        return np.ascontiguousarray(values[: len(values) // 2]) if values.ndim else values
    if what == 1:
        return np.ascontiguousarray(
            np.resize(values, rng.choice([(0,), (1,), (3, 2), (2, 2, 2), values.shape[::-1]]))
        )
    if what == 2:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return values.astype(rng.choice(["float64", "float16", "int32", "int64", "uint8", "bool"]))
    values = values.copy()
    flat = values.reshape(-1)
    if flat.size:
        place = [rng.randrange(flat.size) for _ in range(rng.choice([1, flat.size]))]
        whole = values.dtype.kind in "iub"
        fits = [0, 1, 100, 127] if values.dtype.itemsize == 1 else [-1, 0, 1, 10**8, -(2**31), 2**31 - 1]
        value = rng.choice(fits) if whole else rng.choice(NUMBERS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            flat[place] = bool(value) if values.dtype.kind == "b" else value
    return values


# ---- Run folders ----------------------------------------------------------------------------------


def check_run(folder: Path) -> str:
    """A run that opens has a verdict, a table, a summary in JSON and a backtest; its networks forecast."""
    import gatecast as gc
    from gatecast.api.backtest import backtest

    run = gc.open_run(folder)
    assert run.verdict.text and run.table()
    json.dumps(run.summary(), allow_nan=False)
    repr(run)
    backtest(run, draws=20)
    for networks in run.models.values():
        repr(networks)
        networks.members, networks.state_dict(), networks.windows()
        tables = [networks.forecast(), networks.forecast(origins=run.forecasts["origin"].unique()[:3])]
        for table in tables:
            assert len(table) and np.isfinite(table["forecast"]).all() and (table["forecast"] > 0).all()
    return "opened"


def run_case(folder: Path, number: int) -> tuple[Path, Check]:
    rng = random.Random(f"runs {number}")
    run = Path(shutil.copytree(SEED / "run", folder / "run"))
    summary = json.loads((run / "verdict.json").read_text())
    name = rng.choice(
        [
            "verdict.json",
            "experiment.toml",
            "prices.parquet",
            *["forecasts.parquet"] * 3,
            "training.parquet",
            *["models"] * 3,
        ]
    )
    if name == "models":
        changed_networks(run / "models" / "gru", rng)
        for end in ("json", "safetensors"):
            summary["files"][f"models/gru.{end}"] = sha256((run / "models" / f"gru.{end}").read_bytes())
        (run / "verdict.json").write_text(json.dumps(summary))
        return run, check_run
    file = run / name
    if rng.random() < 0.2:
        file.write_bytes(changed_bytes(file.read_bytes(), rng))
    elif name == "verdict.json":
        part = rng.choice(["scales", "scales", "files", "warnings", "notes", None])
        if part is None:
            summary = changed_tree(summary, rng)
        else:
            summary[part] = changed_tree(summary[part], rng)
    elif name == "experiment.toml":
        file.write_bytes(changed_toml(file.read_text(), rng))
    else:
        frame = pd.read_parquet(file)
        while True:
            try:
                file.write_bytes(parquet_of(changed_frame(frame, rng), rng))
                break
            except Exception:  # Arrow refuses to write such a table
                continue
    if isinstance(summary, dict) and isinstance(summary.get("files"), dict) and name != "verdict.json":
        summary["files"][name] = sha256(file.read_bytes())
    if name != "verdict.json" or rng.random() < 0.8:
        (run / "verdict.json").write_text(json.dumps(summary))
    return run, check_run


def changed_toml(text: str, rng: random.Random) -> bytes:
    import tomli_w

    if rng.random() < 0.3:
        lines = text.splitlines()
        place = rng.randrange(len(lines))
        lines[place] = rng.choice(
            ["", "x = 1", "horizon = " + "9" * 5000, "a = " + "[" * 3000, lines[place] + "x", "[training]"]
        )
        return "\n".join(lines).encode()
    tree = tomllib.loads(text)
    for _ in range(rng.randint(1, 2)):
        tree = changed_tree(tree, rng)
        if not isinstance(tree, dict):
            tree = {"x": 1}
    try:
        return tomli_w.dumps(tree).encode()
    except (TypeError, ValueError):
        return text.replace("=", "= =", 1).encode()


# ---- The runner -----------------------------------------------------------------------------------

CASES = {"csv": csv_case, "parquet": parquet_case, "models": model_case, "runs": run_case}
SEED = Path()


def make_seed(folder: Path) -> None:
    """What the cases begin with: prices, a small forecaster of two symbols, its forecast, a small run."""
    import gatecast as gc

    frame = pd.concat([walk(160, seed).assign(symbol=name) for seed, name in enumerate("AB")])
    prices = gc.Prices.from_frame(frame, calendar="daily")
    prices.to_parquet(folder / "prices.parquet")
    small = {"network": gc.Network(hidden_size=3, output="student_t"), "seeds": 2, "lookback": 5}
    forecaster = gc.Forecaster(**small, horizon=2, training=gc.Training(epochs=2)).fit(prices)
    forecaster.save(folder / "model")
    forecast = gc.Forecaster.load(folder / "model").forecast()
    (folder / "forecast.sha256").write_text(sha256(forecast.to_csv().encode()))
    result = gc.compare(
        prices,
        ["naive", "historical", "gru"],
        **small,
        folds=2,
        training=gc.Training(epochs=1),
        calibration="adaptive",
    )
    result.save(folder / "run", charts=False)


def outcome(kind: str, number: int, folder: Path) -> str:
    from gatecast.errors import InputError

    path, check = CASES[kind](folder, number)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return check(path)
    except InputError as error:
        text = str(error)
        return "refused" if "Traceback" not in text and len(text) < 2000 else f"FAULT: message {text[:300]}"
    except BaseException:
        return "FAULT: " + traceback.format_exc(limit=-4)


def worker(kind: str, seed: Path, numbers: Any, answers: Any) -> None:
    global SEED
    SEED = seed
    faulthandler.enable()
    for number in iter(numbers.get, None):
        with tempfile.TemporaryDirectory() as folder:
            answers.put((number, "began", 0.0))
            began = time.perf_counter()
            answers.put((number, outcome(kind, number, Path(folder)), time.perf_counter() - began))


class Pool:
    """One process that works on one case at a time, and is replaced where it dies or hangs."""

    def __init__(self, kind: str, seed: Path):
        self.how = (kind, seed)
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.numbers, self.answers = context.Queue(), context.Queue()
        self.process = context.Process(
            target=worker, args=(*self.how, self.numbers, self.answers), daemon=True
        )
        self.process.start()
        self.fresh = True

    def case(self, number: int) -> tuple[str, float]:
        self.numbers.put(number)
        began, limit = time.perf_counter(), 60.0  # to import and compile
        while True:
            try:
                _, what, seconds = self.answers.get(timeout=0.2)
            except Exception:
                if not self.process.is_alive():
                    code = self.process.exitcode
                    self.start()
                    return f"FAULT: crashed, exit code {code}", 0.0
                if time.perf_counter() - began > limit:
                    self.process.kill()
                    self.start()
                    return f"FAULT: more than {limit:.0f} seconds", limit
                continue
            if what == "began":
                began = time.perf_counter()
                continue
            late = seconds > SECONDS and not self.fresh
            self.fresh = False
            return (f"FAULT: took {seconds:.1f} seconds ({what})" if late else what), seconds


def main(kinds: str, count: int, first: int = 0) -> int:
    with tempfile.TemporaryDirectory() as folder:
        make_seed(Path(folder))
        return max(work(kind, Path(folder), count, first) for kind in kinds.split(","))


def work(kind: str, seed: Path, count: int, first: int) -> int:
    """0, or 1 where a case had a fault; prints how the cases ended."""
    found: Counter[str] = Counter()
    faults, slowest, began = [], 0.0, time.perf_counter()
    pool = Pool(kind, seed)
    try:
        for number in range(first, first + count):
            what, seconds = pool.case(number)
            slowest = max(slowest, seconds if number > first else 0.0)
            found[what.partition(":")[0]] += 1
            if what.startswith("FAULT"):
                faults.append(number)
                print(f"case {number}: {what}", flush=True)
    finally:
        pool.process.kill()
    spread = ", ".join(f"{count} {what}" for what, count in found.most_common())
    print(
        f"{kind}: {count} cases in {time.perf_counter() - began:.0f} s: {spread}; "
        f"the slowest took {slowest:.1f} s"
    )
    if faults:
        print(f"faults in {faults[:40]}; one again: python benchmarks/mutations.py {kind} 1 {faults[0]}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:4])))
