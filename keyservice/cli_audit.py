"""The commands `keyservice audit …`: thin, each calls one thing."""

import csv
import os
import pwd
import sys
import time
from typing import IO

import click

from keyservice.accounts import at_prompt
from keyservice.app import create_app
from keyservice.audit import export as exports
from keyservice.audit import verifier
from keyservice.audit.checkpoint import control_line
from keyservice.audit.verifier import Report
from keyservice.integrity import restore, service
from keyservice.kernel.errors import UseCaseError
from keyservice.web import error_texts
from keyservice.web.csv_file import harmless

FORMS = ("jsonl", "csv")


@click.group()
def audit() -> None:
    """Verify and export the audit trail."""


@audit.command()
@click.option("--state", is_flag=True, help="Compare what is stored with the events too.")
def verify(*, state: bool) -> None:
    """Check that history is still what was written. Exits with 1 when it is not."""
    with create_app().app_context():
        report = _verified(with_state=state)
        service.record(report, _user(), with_state=state)
    sys.exit(1 if report.faults.count else 0)


@audit.command("accept-restore")
@click.option("--email", prompt="Mail address", help="The mail address you log in with.")
def accept_restore(email: str) -> None:
    """Go on with an older database. Two people of DUO run this within an hour, each with password and app."""
    with create_app().app_context():
        try:
            password = click.prompt("Password", hide_input=True)
            actor = at_prompt.person(email, password, click.prompt("Code of the app"), _user())
            accepted = restore.accept(actor, _verified(with_state=False))
        except UseCaseError as error:
            click.echo(f"Refused: {'. '.join(error_texts.text_of(error))}", err=True)
            sys.exit(1)
    if accepted:
        click.echo("Accepted by two people. Sealing goes on from here.")
    else:
        click.echo("Accepted by you. Another person runs the same command within an hour.")


@audit.command()
@click.option("--form", type=click.Choice(FORMS), default=FORMS[0], show_default=True)
@click.option("--texts", is_flag=True, help="Also the erasable texts: names, addresses, reasons.")
@click.option("--out", type=click.File("w", "utf-8", lazy=False), default="-", help="A file; else the screen.")
def export(form: str, out: IO[str], *, texts: bool) -> None:
    """Write all events, oldest first."""
    with create_app().app_context():
        count = (_csv if form == "csv" else _json_lines)(out, texts=texts)
        service.record_export(form, count, _user(), texts=texts)


def _json_lines(out: IO[str], *, texts: bool) -> int:
    return sum(bool(out.write(f"{line}\n")) for line in exports.json_lines(texts=texts))


def _csv(out: IO[str], *, texts: bool) -> int:
    writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerow(exports.COLUMNS)
    return sum(bool(writer.writerow(map(harmless, row))) for row in exports.table(texts=texts))


def _verified(*, with_state: bool) -> Report:
    """Verify with a bar that shows how far it is, and tell what was found."""
    began = time.monotonic()
    with click.progressbar(length=verifier.events(), label="Verifying", file=sys.stderr) as bar:
        report = service.verify(bar.update, with_state=with_state)
    line = control_line(report.size, report.root) if report.size else "none"
    click.echo(f"events: {report.events}, of which {report.waiting} wait to be sealed")
    click.echo(f"checkpoint: {line}\nseconds: {time.monotonic() - began:.1f}")
    for fault in report.faults.kept:
        click.echo(f"{fault.kind}: {fault}")
    click.echo(f"BROKEN: {report.faults.count} faults" if report.faults.count else "intact")
    return report


def _user() -> str:
    """Return the user of the machine who runs the command."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container a user may have no name
        return str(os.getuid())
