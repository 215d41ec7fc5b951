"""The states of a wave and what leads from one to another. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class WaveStatus(StrEnum):
    """Where a wave stands. Only RUNNING makes keys; FINISHED, STOPPED and LAPSED are ends."""

    PREPARED = "prepared"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    LAPSED = "lapsed"


class WaveStep(StrEnum):
    """What moves a wave: the first four are acts of people."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    FINISH = "finish"
    LAPSE = "lapse"


class Result(StrEnum):
    """What became of one aanvraag of a wave."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


_PREPARED, _RUNNING, _PAUSED = WaveStatus.PREPARED, WaveStatus.RUNNING, WaveStatus.PAUSED
TABLE: Mapping[WaveStep, tuple[frozenset[WaveStatus], WaveStatus]] = MappingProxyType(
    {
        WaveStep.START: (frozenset({_PREPARED}), _RUNNING),
        WaveStep.PAUSE: (frozenset({_RUNNING}), _PAUSED),
        WaveStep.RESUME: (frozenset({_PAUSED}), _RUNNING),
        WaveStep.STOP: (frozenset({_PREPARED, _RUNNING, _PAUSED}), WaveStatus.STOPPED),
        WaveStep.FINISH: (frozenset({_RUNNING}), WaveStatus.FINISHED),
        WaveStep.LAPSE: (frozenset({_PREPARED, _PAUSED}), WaveStatus.LAPSED),
    }
)
# A wave that nobody starts, or goes on with, ends after this (I15); a running one the worker ends.
LAPSE_AFTER = timedelta(days=30)


def possible(status: WaveStatus) -> frozenset[WaveStep]:
    """Return the steps that can be taken from a state."""
    return frozenset(step for step, (seen, _) in TABLE.items() if status in seen)
