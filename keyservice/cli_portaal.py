"""The commands `keyservice portaal …`: the people of the Portaal Inburgering. No BSN is ever shown."""

import sys
from pathlib import Path

import click

from keyservice.app import ready_app
from keyservice.portaal import loading


@click.group()
def portaal() -> None:
    """People of the Portaal Inburgering."""


@portaal.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--without-refused", is_flag=True, help="Load the good lines, though others are refused.")
def load(file: Path, *, without_refused: bool) -> None:
    """Load inburgeraars from the CSV FILE (docs/portaal.md): all of it, or nothing when a line is refused.

    Refused lines are listed on standard output, by number and column; the same file a second time changes nothing.
    """
    app = ready_app()
    with app.app_context():
        try:
            with click.progressbar(length=2 * loading.count_lines(file), label="Loading", file=sys.stderr) as bar:
                report = loading.load(file, without_refused=without_refused, done=bar.update)
        except ValueError as error:
            click.echo(f"Refused: {error}.", err=True)
            sys.exit(1)
    for refused in report.refused:
        click.echo(f"regel {refused.line}: {'; '.join(refused.faults)}")
    click.echo(f"{len(report.refused)} lines refused", err=True)
    if not report.loaded:
        click.echo("Nothing was loaded. Mend these lines, or load the others with --without-refused.", err=True)
        sys.exit(1)
    click.echo(f"{report.added} added, {report.changed} changed, {report.unchanged} as they were", err=True)
