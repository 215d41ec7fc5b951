"""Starting: the log first, and a reason on one screen instead of a stack trace when it cannot be."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy.exc import DBAPIError, ProgrammingError

from keyservice import logs
from keyservice.app import ready_app
from keyservice.audit.triggers import TriggersMissing
from keyservice.database import AWAY
from keyservice.settings import SettingsError

_SETTINGS = 2
# To gunicorn: stop, and do not try the same again at once.
_NOT_LOADED = 4


def served_app() -> Flask:
    """Return the application that gunicorn serves; ends the process when it cannot be."""
    logs.set_up()
    with reasons(_NOT_LOADED):
        return ready_app()


@contextmanager
def reasons(status: int | None = None) -> Iterator[None]:
    """End the process with one of the reasons why the program cannot go on: settings, database, files, packages.

    The status is the one given, or 2 when somebody must change something, 75 when it may go by itself (sysexits.h).
    """
    try:
        yield
    except SettingsError as error:
        _end(f"Not started. Set these variables first (docs/settings.md):\n{error}", status or _SETTINGS)
    except TriggersMissing as error:
        _end(f"Not started. {error}", status or _SETTINGS)
    except (*AWAY, ProgrammingError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        _end(
            f"Stopped. The database does not answer as it should: {str(cause).partition(chr(10))[0]}. Is it up, is "
            "KEYSERVICE_DATABASE_URL right, and was `keyservice migrate` done?",
            status or os.EX_TEMPFAIL,
        )
    except ModuleNotFoundError as error:
        _end(f"Not started. The package {error.name} is not installed: see requirements.txt.", status or _SETTINGS)
    except OSError as error:
        if not error.filename:
            raise
        _end(f"Stopped. {error.filename}: {error.strerror}. This user must be able to work there.", status or _SETTINGS)


def _end(reason: str, status: int) -> None:
    print(reason, file=sys.stderr)  # noqa: T201 - for whoever starts it
    sys.exit(status)
