"""What was measured: results.json → RESULTS.md, peers.png and the lines on the screen."""

from __future__ import annotations

import json
import os
import platform
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
STORE, PAGE, GPU = (HERE / name for name in ("results.json", "RESULTS.md", "gpu.json"))
PICTURE = HERE.parent / "docs" / "en" / "images" / "peers.png"
ORDER = ("google", "tesla", "mid", "mid-16", "mid-gru", "mid-gru-16", "mid-rnn", "mid-rnn-16", "large")
GPU_PEERS = "PyTorch, cuDNN, fused Adam", "PyTorch, all at once (vmap)"
INK, GREY, BLUE = "#222222", "#999999", "#0072B2"  # as gatecast's own charts
Row = dict[str, Any]


def machine() -> Row:
    """Cores, processor, system, load average."""
    model = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    memory = next(
        (int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0
    )
    return {
        "date": date.today().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "processor": model,
        "memory_gb": round(memory / 2**20),
        "python": platform.python_version(),
        "load_before": load(),
    }


def load() -> float:
    """Over the last minute."""
    return round(os.getloadavg()[0], 2)


def add(name: str, result: Row) -> None:
    results = _stored()
    results[name] = result
    STORE.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def text(name: str, result: Row) -> str:
    """One job as Markdown."""
    return "\n".join(
        [
            f"### {name}: {result['title']}{_quick(result)}" if "title" in result else _title(name, result),
            "",
            *_body(result),
        ]
    )


def write() -> None:
    results = _stored()
    parts = [
        "# gatecast beside other libraries",
        "",
        "After this page you know how fast networks train in gatecast and in the libraries that people use.",
        "",
        "Printed by `python benchmarks/peers.py`; the numbers of every repeat are in results.json.",
        "",
        *_preface(results),
    ]
    for name, result in results.items():
        parts += ["", text(name, result)]
    if GPU.exists():
        parts += ["", *_gpu(json.loads(GPU.read_text(encoding="utf-8")))]
    PAGE.write_text("\n".join(parts) + "\n", encoding="utf-8")
    if any("sides" in result for result in results.values()):
        _draw(results)


def _gpu(told: Row) -> list[str]:
    """Populations on a GPU, from what gpu.py wrote."""
    versions: dict[str, str] = {}
    for result in told["results"]:
        versions |= result["versions"]
    columns = (
        "job",
        "networks",
        "gatecast",
        *GPU_PEERS,
        "first call, s",
        "gatecast's peak memory, MB",
        "loss",
    )
    return [
        "### gpu: populations on one GPU",
        "",
        f"{told['device']}; {', '.join(f'{name} {number}' for name, number in sorted(versions.items()))}.",
        "Printed by `python benchmarks/gpu.py mid=64,1024,4096 google=4096`, which says how. µs per training",
        "step and network, of PyTorch also the ratio. cuDNN's layers train one network after the other:",
        "their time per network is that of any number. 'peak': of the GPU's memory.",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
        *map(gpu_line, told["results"]),
    ]


def gpu_line(result: Row) -> str:
    """One job with one number of networks, as a line of a table."""
    times, cells = result["us"], [f"{result['job']}: {result['title']}", f"{result['members']:,}"]
    for way in ("gatecast", *GPU_PEERS):
        found = times.get(way)
        if not found:
            cells.append("–")
            continue
        ratios = [theirs / ours for theirs, ours in zip(found, times["gatecast"], strict=True)]
        cells.append(_spread(found) + ("" if way == "gatecast" else f", {_digits(median(ratios))} x"))
    first, worst = result["first_call_s"]["gatecast"], max(result["loss_difference"].values())
    return f"| {' | '.join(cells)} | {first:.1f} | {result['gpu_peak_mb']:,.0f} | {worst:.0e} |"


def _preface(results: dict[str, Row]) -> list[str]:
    machines = [result["machine"] for result in results.values()]
    kinds = sorted(
        {f"{m['processor']}, {m['cores']} cores, {m['memory_gb']} GB, Python {m['python']}" for m in machines}
    )
    versions: dict[str, set[str]] = {}
    for result in results.values():
        for part in [*result.get("sides", []), result]:
            for name, version in part.get("versions", {}).items():
                versions.setdefault(name, set()).add(version)
    named = [f"{name} {' and '.join(sorted(every))}" for name, every in sorted(versions.items())]
    loads = [m["load_before"] for m in machines] + [result["load_after"] for result in results.values()]
    return [
        f"Machine: {'; '.join(kinds)}; load average between {min(loads)} and {max(loads)}, these programs",
        "and whatever else ran.",
        f"Versions: {', '.join(named)}.",
        "'CPU µs' is the processor time of all threads of a side in the same calls, which other programs",
        "disturb less than the clock; divided by the cores it is the least that the clock could show.",
        "",
        "How: every side is a process of its own; the sides take turns, forwards and backwards. Times are",
        "µs per training step and network, compilation and first calls excluded for everyone and given",
        "beside them. A ratio is a peer's time over gatecast's in the same repeat; medians, with the",
        "smallest and largest in brackets. PyTorch and Keras start from gatecast's first weights and see",
        "the same batches in the same order; 'loss' is by how much their mean loss in the second epoch",
        "differs (relative, the largest of all networks). neuralforecast and darts draw their own weights",
        "and windows: cell, sizes, batch and steps are the same, their start-up of each training is given",
        "apart. Of every peer the best way that was tried counts: one thread or two, for populations one",
        "process on two threads or two processes on one each; torch.compile around nn.LSTM or around the",
        "cell written out; Keras with one or ten steps per execution. A slow peer makes fewer steps in a",
        "timed call (about one second), gatecast always all of them.",
    ]


def _quick(result: Row) -> str:
    return " (quick: a look, not a measurement)" if result["quick"] else ""


def _title(name: str, result: Row) -> str:
    job, machine = result["job"], result["machine"]
    return (
        f"### {name}: {job['title']}{_quick(result)}\n\n{result['repeats']} repeats on {machine['date']}, "
        f"load average {machine['load_before']} before, {result['load_after']} after."
    )


def _body(result: Row) -> list[str]:
    if "sides" not in result:
        return result["lines"]
    lines = [
        "| side | µs per step, network | ratio | CPU µs | parameters | loss | first, s | start-up, s | way |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for side in result["sides"]:
        first = side["side"] == "gatecast"
        lines.append(
            f"| {side['side']} | {_spread(side['us'])} | {'1' if first else _spread(side['ratios'])} "
            f"| {_spread(side['cpu_us'])} | {side['parameters']:,} "
            f"| {_or_dash(side['loss_difference'], '.0e')} | {side['first_call_s']:.1f} "
            f"| {_or_dash(side['start_up_s'], '.2f')} | {side['way']} |"
        )
    return [
        *lines,
        *(["", *(f"- left out: {reason}" for reason in result["dropped"])] if result["dropped"] else []),
    ]


def _spread(values: list[float]) -> str:
    """Median (smallest to largest)."""
    ordered = sorted(values)
    middle = ordered[len(ordered) // 2] if len(ordered) % 2 else sum(ordered[len(ordered) // 2 - 1 :][:2]) / 2
    return f"{_digits(middle)} ({_digits(ordered[0])} to {_digits(ordered[-1])})"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


LIBRARIES = ("PyTorch", "Keras", "neuralforecast", "darts")


def _draw(results: dict[str, Row]) -> None:
    """How much longer the others take: a panel per job, of every library its best way."""
    import altair as alt

    jobs = {name: result for name, result in results.items() if "sides" in result}
    best = {name: [_best(result["sides"], library) for library in LIBRARIES] for name, result in jobs.items()}
    longest = max(side["median_ratio"] for sides in best.values() for side in sides)
    scale = alt.Scale(type="log", domain=[1, 2.5 * longest])

    def panel(name: str) -> alt.LayerChart:
        rows = [
            {"library": library, "from": 1, "ratio": side["median_ratio"], "label": _times(side)}
            for library, side in zip(LIBRARIES, best[name], strict=True)
        ]
        base = alt.Chart(alt.InlineData(values=rows)).encode(
            y=alt.Y("library:N", sort=list(LIBRARIES), title=None)
        )
        x = alt.X("ratio:Q", scale=scale, title=None, axis=alt.Axis(values=[1, 10, 100], format="~f"))
        bars = base.mark_bar(size=15, color=BLUE).encode(x=x, x2="from:Q")
        words = base.mark_text(align="left", dx=5, color=INK).encode(x=x, text="label:N")
        ours = jobs[name]["sides"][0]["median_us"]
        title = alt.TitleParams(
            jobs[name]["job"]["title"],
            subtitle=f"gatecast: {_digits(ours)} µs per step and network",
            anchor="start",
            fontSize=13,
            subtitleFontSize=12,
        )
        return alt.layer(bars, words).properties(width=250, height=95, title=title)

    title = alt.TitleParams(
        "How many times longer others take to train the same network",
        subtitle="medians of the repeats in turn, the best way of each library, two cores, logarithmic",
        anchor="start",
        fontSize=17,
        subtitleFontSize=13,
        offset=14,
    )
    chart = (
        alt.concat(*(panel(name) for name in jobs), columns=3)
        .properties(title=title)
        .configure(font="sans-serif", background="white", padding=12)
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=12, gridColor="#e8e8e8", domainColor=GREY, tickColor=GREY)
        .configure_text(fontSize=12)
    )
    chart.save(str(PICTURE), scale_factor=1.5)


def _best(sides: list[Row], library: str) -> Row:
    """Of PyTorch eager, compiled, …: the one that takes least."""
    return min(
        (side for side in sides if side["side"].startswith(library)), key=lambda side: side["median_us"]
    )


def _times(side: Row) -> str:
    return f"{side['median_ratio']:.2g} x" if side["median_ratio"] < 100 else f"{side['median_ratio']:.0f} x"


def _stored() -> dict[str, Row]:
    """All results, training steps first."""
    results = json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else {}
    return {name: results[name] for name in dict.fromkeys((*ORDER, *results)) if name in results}


def _lines(file: str) -> list[str]:
    return Path(file).read_text(encoding="utf-8").splitlines() if Path(file).exists() else []
