"""What time does to waves: running ones go on, a few keys at a time, and those that nobody moves end."""

from collections.abc import Callable
from uuid import UUID

from keyservice.database import one_by_one
from keyservice.issuance import wave_queries, waves
from keyservice.issuance.wave_workflow import LAPSE_AFTER, TABLE, WaveStatus, WaveStep
from keyservice.kernel import clock

# At most so many turns in a row, so that sending and the other timers keep coming round.
MOST_TURNS = 100


def run_waves() -> None:
    """Renew the next keys of every running wave."""
    one_by_one(wave_queries.in_state(WaveStatus.RUNNING), _run)


def lapse_waves() -> None:
    """End the waves that wait for a person for 30 days."""
    until = clock.now() - LAPSE_AFTER
    one_by_one(wave_queries.in_state(*TABLE[WaveStep.LAPSE][0], until=until), waves.lapse)


def _run(wave_id: UUID) -> None:
    for _ in range(MOST_TURNS):
        if not waves.renew_next(wave_id):
            return


TIMERS: tuple[Callable[[], object], ...] = (run_waves, lapse_waves)
