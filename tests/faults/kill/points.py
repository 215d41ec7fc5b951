"""Where the program may be killed: around each commit, named after the use case, and around the acts between them.

Nothing in the program knows of this: the functions are wrapped from outside, in the process that is to die.
"""

import functools
import inspect
import os
import signal
import smtplib
import sys
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

from flask_sqlalchemy.session import Session

from keyservice import audit
from keyservice.audit import outside
from keyservice.kernel import zips
from keyservice.kernel.seal import Rings
from keyservice.outbox import delivery
from keyservice.outbox import service as outbox
from keyservice.outbox.channels.letter import LetterProvider
from keyservice.outbox.channels.mail import MailProvider
from keyservice.outbox.channels.sms import SmsChannel
from keyservice.outbox.channels.sms_file import FileSender
from keyservice.sleutels import service as sleutels

Strike = Callable[[str], None]
Function = Callable[..., Any]

# What is called between two commits; a function of a module is wrapped wherever it was imported.
FUNCTIONS: dict[str, tuple[ModuleType, str]] = {
    "the key is made": (sleutels, "make"),
    "the zip is built": (zips, "build_zip"),
    "a message is queued": (outbox, "enqueue"),
    "messages are taken back": (outbox, "cancel"),
    "an event is written": (audit, "record"),
    "the file outside is written": (outside, "append"),
    "messages are claimed": (delivery, "claim"),
    "the final bytes are kept": (delivery, "_hold"),
    "the message is marked as sent": (delivery, "_mark_sent"),
}
METHODS: dict[str, tuple[type, str]] = {
    "a value is sealed": (Rings, "seal"),
    "a seal is opened": (Rings, "unseal"),
    "a ring gets another key": (Rings, "_write"),
    "ring keys are destroyed": (Rings, "destroy"),
    "the mail is rendered": (MailProvider, "render"),
    "the sms is rendered": (SmsChannel, "render"),
    "the sms is sent": (FileSender, "send"),
    "the letter is rendered": (LetterProvider, "render"),
    "the letter is kept": (LetterProvider, "send"),
    "SMTP connects": (smtplib.SMTP, "connect"),
    "SMTP MAIL": (smtplib.SMTP, "mail"),
    "SMTP RCPT": (smtplib.SMTP, "rcpt"),
    "SMTP DATA": (smtplib.SMTP, "data"),  # after it: the server has answered 250
    "SMTP QUIT": (smtplib.SMTP, "quit"),
}


def install(strike: Strike) -> None:
    """Let `strike` be called with the name of each point at the moment it is reached, in this process, from now on."""
    for name, (module, attribute) in FUNCTIONS.items():
        _replace_everywhere(getattr(module, attribute), functools.partial(_around, strike, name))
    for name, (kind, attribute) in METHODS.items():
        setattr(kind, attribute, _around(strike, name, getattr(kind, attribute)))
    committing = Session.commit

    def commit(session: Session) -> None:
        act = _use_case()
        strike(f"before the commit of {act}")
        committing(session)
        strike(f"after the commit of {act}")

    setattr(Session, "commit", commit)  # noqa: B010 - that is what a harness does


def counting(counts: Counter[str]) -> Strike:
    """Return a strike that counts how often each point is reached."""

    def strike(name: str) -> None:
        counts[name] += 1

    return strike


def killing(name: str, occurrence: int) -> Strike:
    """Return a strike that ends the process, as a power cut would, when a point is reached for the n-th time."""
    seen: Counter[str] = Counter()

    def strike(reached: str) -> None:
        seen[reached] += 1
        if reached == name and seen[reached] == occurrence:
            os.kill(os.getpid(), signal.SIGKILL)

    return strike


def _around(strike: Strike, name: str, function: Function) -> Function:
    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        strike(f"before {name}")
        result = function(*args, **options)
        strike(f"after {name}")
        return result

    return wrapped


def _replace_everywhere(original: Function, wrap: Callable[[Function], Function]) -> None:
    wrapped = wrap(original)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in {"keyservice", "tests"}:
            continue
        for attribute, value in list(vars(module).items()):
            if value is original:
                setattr(module, attribute, wrapped)


def _use_case() -> str:
    """Return the function whose `with transaction()` ends now, e.g. `issuance.service.issue`."""
    frame = inspect.currentframe()
    while frame:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("keyservice.") and module != "keyservice.database":
            return f"{module.removeprefix('keyservice.')}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "a library"
