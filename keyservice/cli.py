"""The commands `keyservice …`: thin, each calls one thing."""

import os
import signal
import sys
from pathlib import Path
from threading import Event
from types import FrameType

import click
from alembic.migration import MigrationContext
from flask_migrate import upgrade

from keyservice import backup as backups
from keyservice import logs
from keyservice import worker as work
from keyservice.accounts import invitations
from keyservice.app import create_app, ready_app
from keyservice.cli_asking import asking_system
from keyservice.cli_audit import audit
from keyservice.cli_portaal import portaal
from keyservice.cli_rings import rings
from keyservice.database import AWAY, db
from keyservice.gemeenten.service import load_register
from keyservice.issuance import ring_keys
from keyservice.kernel.errors import UseCaseError
from keyservice.kernel.seal import Rings
from keyservice.outbox import bounces
from keyservice.outbox.bounces import Taken
from keyservice.outbox.reports import MOST_BYTES
from keyservice.retention import service as forgetting
from keyservice.settings import Settings
from keyservice.sleutels.format import check_format
from keyservice.start import reasons
from keyservice.web import error_texts

# What a mail server that pipes a mail into a command understands (sysexits.h).
_BOUNCE_EXITS = {Taken.NO_REPORT: os.EX_DATAERR, Taken.UNKNOWN: os.EX_DATAERR, Taken.LATER: os.EX_TEMPFAIL}


@click.group()
@click.version_option(package_name="keyservice")
def commands() -> None:
    """Sleuteluitgifte: applicatiesleutels for the Portaal Inburgering."""


def main() -> None:
    """Run a command; settings or a database that are wrong are told on one screen, without a stack trace."""
    os.umask(0o077)  # what is written here, from a database to an export, is for this user alone
    logs.set_up()
    with reasons():
        commands()


@commands.command()
def run() -> None:
    """Start the demo: web server, worker and mail server on this machine, with fictive people."""
    # The demo's libraries are an extra that a production machine does not have.
    from keyservice.demo import people, stack  # noqa: PLC0415

    instance = Path(os.environ.get("KEYSERVICE_INSTANCE", "instance")).resolve()
    port = int(os.environ.get("KEYSERVICE_PORT", stack.DEFAULT_PORT))
    stop = _until_told()
    try:
        with stack.running(instance, port) as running:
            click.echo(f"\nSleuteluitgifte runs at {running.url}   (stop with Ctrl+C)")
            click.echo(f"What the recipients get: {running.url}/postvak\n")
            click.echo(f"Demo logins, all with the password {people.PASSWORD} and a code from {running.url}/postvak:")
            for person in people.PEOPLE:
                click.echo(f"  {person.email:32} {person.part}")
            stop.wait()
    except stack.StackFailed as error:
        click.echo(f"Not started: {error}", err=True)
        sys.exit(1)


@commands.command()
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where the post goes.")
def demo(out: Path) -> None:
    """Walk the whole road on a throwaway instance, and leave in OUT what the recipients hold."""
    from keyservice.demo.person import StepFailed  # noqa: PLC0415 - see `run`
    from keyservice.demo.walk import walk  # noqa: PLC0415 - see `run`

    try:
        walk(out, click.echo)
    except StepFailed as error:
        click.echo(f"FAILED: {error}", err=True)
        sys.exit(1)


@commands.command()
@click.option("--once", is_flag=True, help="Send what is due, run the timers once, and stop.")
def worker(*, once: bool) -> None:
    """Send messages and watch the terms."""
    app = ready_app()
    if once:
        work.run_once(app)
    else:
        work.run(app, _until_told())


@commands.command()
def migrate() -> None:
    """Bring the database up to date and load the register of gemeenten."""
    app = create_app()
    with app.app_context():
        before = _revision()
        upgrade()
        click.echo(f"schema: {before} -> {_revision()}\ngemeenten changed: {load_register()}")


def _revision() -> str:
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or "empty"


@commands.group()
def accounts() -> None:
    """People of DUO."""


@accounts.command("first-beheerder")
@click.option("--email", required=True, help="The mail address this person will log in with.")
@click.option("--name", required=True, help="The name of this person.")
def first_beheerder(email: str, name: str) -> None:
    """Invite one of the first two beheerders, and print the link and the code. They work for 72 hours, once.

    Works as long as fewer than two people of DUO can invite: from then on they invite together, on the pages.
    """
    app = create_app()
    with app.app_context():
        try:
            link, code = invitations.first_beheerder(name, email)
        except UseCaseError as error:
            click.echo(f"Refused: {error_texts.text_of(error)[0]}.", err=True)
            sys.exit(1)
    click.echo(f"link: {link.reveal()}\ncode: {code.reveal()}")


@commands.group()
def outbox() -> None:
    """Messages on their way."""


@outbox.command()
def bounce() -> None:
    """Read a mail that came back (RFC 3464) from standard input, and mark the message it is about.

    Ends with 0, with 65 when the mail is no such report or about no message of ours, or with 75 to try again later.
    """
    raw = sys.stdin.buffer.read(MOST_BYTES)
    while sys.stdin.buffer.read(MOST_BYTES):
        pass  # the mail server must not find the pipe closed
    app = create_app()
    with app.app_context():
        try:
            taken = bounces.take_in(raw)
        except AWAY:
            click.echo("The database is away.", err=True)
            sys.exit(os.EX_TEMPFAIL)
    click.echo(taken, err=taken in _BOUNCE_EXITS)
    sys.exit(_BOUNCE_EXITS.get(taken, os.EX_OK))


@commands.command("create-rings")
def create_rings() -> None:
    """Make the key rings that are not there yet, in the folder KEYSERVICE_RINGS."""
    settings = Settings.from_environ(os.environ)
    Rings.create(settings.rings)
    click.echo(f"rings: {settings.rings}")


@commands.command()
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
def backup(out: Path) -> None:
    """Write a verified copy of the database into the folder OUT, without the rings. The program may go on meanwhile."""
    app = create_app()
    with app.app_context():
        try:
            made = backups.make(out)
        except backups.BackupFailed as error:
            click.echo(f"No backup: {error}.", err=True)
            sys.exit(1)
    click.echo(f"{made.path}\n{made.size} bytes, {made.rows.total()} rows in {len(made.rows)} tables, verified")
    click.echo(f"SHA-256 {made.sha256}")


@commands.group()
def issuance() -> None:
    """Deliveries of keys."""


@issuance.command()
def unreadable() -> None:
    """List the deliveries that cannot go on after a restore: cancel each, and issue again."""
    app = create_app()
    with app.app_context():
        rows = ring_keys.unreadable()
        click.echo(f"{len(rows)} deliveries cannot go on")
        for row in rows:
            click.echo(f"{row.aanvraag.number}  gemeente {row.aanvraag.gemeente}  levering {row.number}")


@commands.group()
def retention() -> None:
    """Personal data and their terms (docs/retention.md)."""


@retention.command("run")
@click.option("--do-it", is_flag=True, help="Erase what is due; without this it is only listed.")
def retention_run(*, do_it: bool) -> None:
    """List the personal data of which the term is over, or erase them. A run that was broken off goes on next time."""
    app = ready_app()
    with app.app_context():
        due = forgetting.preview()
        for found in due:
            oldest = f"  oldest {found.oldest:%Y-%m-%d}" if found.oldest else ""
            click.echo(f"{found.kind:14} {len(found.ids):8}{oldest}")
        if not do_it:
            click.echo("Nothing was erased. `--do-it` erases this for good.")
            return
        with click.progressbar(length=sum(len(found.ids) for found in due), label="Erasing") as bar:
            counts = forgetting.run(bar.update)
    click.echo(f"Erased: {sum(counts.values())} rows.")


@commands.command("check-key")
def check_key() -> None:
    """Tell whether a key was typed right, without any connection. The key is not shown or stored."""
    fault = check_format(click.prompt("Applicatiesleutel", hide_input=True))
    click.echo("The form is right." if fault is None else f"This is not a right key: {fault}.")
    sys.exit(0 if fault is None else 1)


commands.add_command(asking_system)
commands.add_command(audit)
commands.add_command(portaal)
commands.add_command(rings)


def _until_told() -> Event:
    stop = Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    return stop
