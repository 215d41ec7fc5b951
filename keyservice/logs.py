"""The log: one line of JSON for each thing worth telling, on standard error, from the program and its libraries alike.

On a terminal the same in a form for people. Exceptions are told without their message (`kernel.telling`).
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from keyservice.kernel.telling import told

Event = MutableMapping[str, Any]
_BOTH = (structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True))


def set_up() -> None:
    """Let every logger of this process write here. The program tells from INFO on, libraries from WARNING."""
    structlog.configure(
        processors=[*_BOTH, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(people=sys.stderr.isatty()))
    logging.root.handlers = [handler]
    logging.getLogger("keyservice").setLevel(logging.INFO)


def formatter(*, people: bool = False) -> logging.Formatter:
    """Return what turns a record into a line, for people or for machines; gunicorn's own lines go through it too."""
    renderer = structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_BOTH,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _told, renderer],
    )


def _told(_logger: object, _method: str, event: Event) -> Event:
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    return {**event, **told(error)} if isinstance(error, BaseException) else event
