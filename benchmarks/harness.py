"""Measuring on a machine that is not quiet: many short slices, every case once in every round, in rotated order.

A ratio is the median of the ratios within each round, so that what the neighbours of the machine do falls out. What
counts is CPU time, of this process and the programs it starts; the wall clock is kept beside it.
"""

import gc
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

SLICE_SECONDS = 0.02
ROUNDS = 31
_TRIED_PART = 3
_MOST_CALLS = 100_000


@dataclass(frozen=True)
class Case:
    """Something to measure: `work` is called with each of the values that `ready` makes, which is not measured.

    One call does `operations` operations.
    """

    work: Callable[[Any], object]
    ready: Callable[[int], Sequence[Any]] = lambda count: [None] * count
    operations: int = 1


@dataclass(frozen=True)
class Sample:
    """Seconds per operation in one slice."""

    cpu: float
    wall: float


Clock = Callable[[], Sample]
Samples = Mapping[str, Sequence[Sample]]


def clock() -> Sample:
    """Return CPU seconds of this process and of the ended programs it started, and the wall clock."""
    started = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Sample(time.process_time() + started.ru_utime + started.ru_stime, time.perf_counter())


def measure(
    cases: Mapping[str, Case], *, rounds: int = ROUNDS, slice_seconds: float = SLICE_SECONDS, now: Clock = clock
) -> Samples:
    """Return for each case one sample per round; before, each runs until it is warm and its slices have their size."""
    calls = {name: _calls(case, slice_seconds, now) for name, case in cases.items()}
    samples: dict[str, list[Sample]] = {name: [] for name in cases}
    names = list(cases)
    for number in range(rounds):
        gc.collect()
        start = number % len(names)
        for name in names[start:] + names[:start]:
            samples[name].append(_slice(cases[name], calls[name], now))
    return samples


def _calls(case: Case, slice_seconds: float, now: Clock) -> int:
    """Return how many calls fill a slice: tried with ever more, so that no single slow call decides."""
    calls = 1
    while True:
        seconds = _slice(case, calls, now).wall * calls * case.operations
        if seconds >= slice_seconds / _TRIED_PART or calls >= _MOST_CALLS:
            return max(1, round(calls * slice_seconds / seconds)) if seconds else calls
        calls *= 2


def _slice(case: Case, calls: int, now: Clock) -> Sample:
    values = case.ready(calls)
    gc.disable()  # else one case pays for the garbage of another
    try:
        before = now()
        for value in values:
            case.work(value)
        after = now()
    finally:
        gc.enable()
    operations = calls * case.operations
    return Sample((after.cpu - before.cpu) / operations, (after.wall - before.wall) / operations)


def typical(samples: Samples, name: str) -> Sample:
    """Return the median of a case."""
    return Sample(median(s.cpu for s in samples[name]), median(s.wall for s in samples[name]))


def ratio(samples: Samples, name: str, base: str) -> Sample:
    """Return how many times the base a case takes: the median over the rounds of the ratio within a round."""
    pairs = list(zip(samples[name], samples[base], strict=True))
    return Sample(median(a.cpu / b.cpu for a, b in pairs), median(a.wall / b.wall for a, b in pairs))
