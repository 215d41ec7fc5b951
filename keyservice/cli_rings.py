"""The commands `keyservice rings …`: the keys of the rings by their ids. No key is ever shown."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from keyservice import lasting_rings, settings
from keyservice.app import create_app
from keyservice.audit import sealer
from keyservice.audit.checkpoint import verifier_key
from keyservice.kernel.seal import LASTING_RINGS, SEALING_RINGS

_RING = click.argument("ring", type=click.Choice(LASTING_RINGS))


@click.group()
def rings() -> None:
    """Keys of the rings."""


@contextmanager
def _app() -> Iterator[None]:
    with create_app().app_context():
        yield


@rings.command("list")
def list_keys() -> None:
    """List the keys of every ring: when each was made, and how many rows need it."""
    with _app():
        for ring in (*SEALING_RINGS, *LASTING_RINGS):
            needed = lasting_rings.users(ring)
            for place, key in enumerate(settings.rings().keys(ring)):
                use = "older" if place else "in use"
                click.echo(
                    f"{ring:12}{key.id.hex()}  {key.made_at:%Y-%m-%d %H:%M} UTC  {use:8}{needed[key.id]:>9} rows"
                )
        click.echo("\nCheckpoints are verified with these public keys, newest first:")
        for key, public in zip(settings.rings().keys(sealer.RING), sealer.public_keys(), strict=True):
            click.echo(f"from {key.made_at:%Y-%m-%d %H:%M} UTC  {verifier_key(sealer.origin(), public)}")


@rings.command()
@_RING
def rotate(ring: str) -> None:
    """Give a lasting ring a new key. The other rings rotate by themselves."""
    with _app():
        click.echo(f"{ring} uses {lasting_rings.rotate(ring).hex()} from now on. Copy {ring}.json again.")


@rings.command()
@click.argument("ring", type=click.Choice(lasting_rings.RESEALED))
def reseal(ring: str) -> None:
    """Seal or digest everything of a ring with its newest key."""
    with _app():
        done, broken = lasting_rings.reseal(ring)
    click.echo(f"{ring}: {done} values sealed with the newest key")
    if broken:
        click.echo(f"{broken} do not open: they were changed in the database.", err=True)
        sys.exit(1)


@rings.command()
@_RING
@click.argument("key_id")
def retire(ring: str, key_id: str) -> None:
    """Destroy an old key of a lasting ring, when nothing needs it any more."""
    with _app():
        try:
            lasting_rings.retire(ring, bytes.fromhex(key_id))
        except (lasting_rings.KeyStays, ValueError) as error:
            reason = error if isinstance(error, lasting_rings.KeyStays) else "no such id; see `keyservice rings list`"
            click.echo(f"Refused: {reason}.", err=True)
            sys.exit(1)
    click.echo(f"{ring} is without {key_id}. Copy {ring}.json again, and destroy the older copies.")
