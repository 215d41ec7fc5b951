"""The harness of `make bench` computes what it says; no test asserts a timing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.__main__ import ROWS
from benchmarks.harness import Case, Sample, clock, measure, ratio, typical
from benchmarks.report import figure, store, table


class Clock:
    """A clock that moves only when a case lets it: CPU and wall time apart."""

    def __init__(self) -> None:
        self.cpu, self.wall = 0.0, 0.0

    def __call__(self) -> Sample:
        return Sample(self.cpu, self.wall)

    def takes(self, cpu: float, wall: float, log: Callable[[], object] = lambda: None) -> Callable[[object], None]:
        def work(_value: object) -> None:
            self.cpu += cpu
            self.wall += wall
            log()

        return work


def test_a_sample_is_the_time_of_one_operation() -> None:
    now = Clock()
    cases = {"one": Case(now.takes(0.5, 1)), "ten at once": Case(now.takes(5, 10), operations=10)}
    samples = measure(cases, rounds=3, slice_seconds=20, now=now)
    assert samples == {name: [Sample(0.5, 1)] * 3 for name in cases}


def test_every_round_runs_every_case_once_and_another_one_first() -> None:
    now, order = Clock(), list[str]()
    cases = {name: Case(now.takes(1, 1, lambda name=name: order.append(name))) for name in "abc"}  # type: ignore[misc]  # the default binds
    measure(cases, rounds=3, slice_seconds=0, now=now)
    assert "".join(order[3:]) == "abcbcacab"


def test_a_slice_is_as_long_as_asked_and_what_makes_its_values_is_not_measured() -> None:
    now, made, used = Clock(), list[int](), list[object]()

    def ready(count: int) -> range:
        now.takes(100, 100)(None)
        made.append(count)
        return range(count)

    def work(value: object) -> None:
        used.append(value)
        now.takes(0.1, 0.1)(None)

    samples = measure({"case": Case(work, ready)}, rounds=2, slice_seconds=3, now=now)
    assert made[-2:] == [30, 30]
    assert used[-30:] == list(range(30))
    assert [round(sample.cpu, 6) for sample in samples["case"]] == [0.1, 0.1]


def test_a_ratio_is_the_median_of_the_ratios_within_the_rounds() -> None:
    # The machine becomes four times as slow in the third round: both cases feel it, and the ratio does not.
    samples = {
        "own": [Sample(1, 2), Sample(2, 2), Sample(4, 8)],
        "peer": [Sample(2, 1), Sample(2, 1), Sample(8, 4)],
    }
    assert ratio(samples, "own", "peer") == Sample(0.5, 2)
    assert typical(samples, "own") == Sample(2, 2)


@pytest.mark.parametrize(("goal", "met"), [(0.5, True), (0.49, False), (None, None)])
def test_a_figure_says_whether_its_goal_is_met(goal: float | None, met: bool | None) -> None:  # noqa: FBT001 - a value of the table
    samples = {"own": [Sample(1e-6, 4e-6)] * 3, "peer": [Sample(2e-6, 2e-6)] * 3}
    found = figure(samples, "own", "peer", goal, "by hand")
    assert (found.ratio, found.wall_ratio, found.median, found.peer_median) == (0.5, 2, 1, 2)
    assert (found.goal, found.met) == (goal, met)
    assert ("NOT MET" in table("row", [found])) is (met is False)


def test_results_keep_the_rows_that_were_not_run(tmp_path: Path) -> None:
    path, samples = tmp_path / "results.json", {"a": [Sample(1, 1)], "b": [Sample(2, 2)]}
    store({"first": [figure(samples, "a", "b", 1, "x")]}, path)
    store({"second": [figure(samples, "b", "a", 1, "y")]}, path)
    results = json.loads(path.read_text("utf-8"))
    assert list(results) == ["first", "second"]
    (one,) = results["first"]["figures"]
    assert {"name", "peer", "ratio", "goal", "met", "median", "unit", "how"} <= one.keys()
    assert {"measured_at", "cores", "python", "packages", "load"} <= results["first"]["machine"].keys()


def test_the_committed_results_have_every_row_and_no_goal_without_its_verdict() -> None:
    results = json.loads(report.RESULTS.read_text("utf-8"))
    assert results.keys() == ROWS.keys()
    for row in results.values():
        for one in row["figures"]:
            assert one["met"] == (None if one["goal"] is None else one["ratio"] <= one["goal"])


def test_the_clock_counts_cpu_and_wall_time_forwards() -> None:
    before = clock()
    sum(range(100_000))
    after = clock()
    assert after.cpu > before.cpu
    assert after.wall > before.wall
