"""What time does to codes: the password of a practice zip goes when its code can prove nothing any more."""

from collections.abc import Callable

from sqlalchemy import update

from keyservice.contacts.models import Challenge
from keyservice.database import execute_count, transaction
from keyservice.kernel import clock


def wipe_passwords() -> None:
    """Wipe the passwords of practice zips whose codes have expired."""
    with transaction():
        execute_count(
            update(Challenge)
            .where(Challenge.expires_at <= clock.now(), Challenge.practice_password.is_not(None))
            .values(practice_password=None)
        )


TIMERS: tuple[Callable[[], object], ...] = (wipe_passwords,)
