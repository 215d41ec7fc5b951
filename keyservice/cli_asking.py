"""The commands `keyservice asking-system …`: which systems may ask whether a key works (`POST /v1/introspectie`)."""

import sys

import click

from keyservice.app import create_app
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.sleutels import asking
from keyservice.web import error_texts


@click.group("asking-system")
def asking_system() -> None:
    """Systems that may ask whether a key works."""


@asking_system.command()
@click.argument("name")
def add(name: str) -> None:
    """Let the system NAME ask, and print its credential, this once."""
    with create_app().app_context():
        try:
            credential = asking.add(name)
        except Conflict as error:
            click.echo(f"Refused: {error_texts.text_of(error)[0]}.", err=True)
            sys.exit(1)
    click.echo(credential.reveal())
    click.echo("Store it in that system now: nobody can show it again.", err=True)


@asking_system.command()
@click.argument("name")
def end(name: str) -> None:
    """Let the system NAME ask no more, at once."""
    with create_app().app_context():
        try:
            asking.end(name)
        except NotFound:
            click.echo(f"Refused: there is no {name} that may ask.", err=True)
            sys.exit(1)
    click.echo(f"{name} may ask no more.")


@asking_system.command("list")
def list_systems() -> None:
    """List the systems, and from when until when each may ask."""
    with create_app().app_context():
        for row in asking.everyone():
            until = f"ended {row.ended_at:%Y-%m-%d %H:%M} UTC" if row.ended_at else "may ask"
            click.echo(f"{row.name:32}{row.made_at:%Y-%m-%d %H:%M} UTC  {until}")
