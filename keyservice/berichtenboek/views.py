"""The pages of a gemeente and of a supplier with a link: ask, open, read, keep. Reading changes nothing.

Opening is a button: what a mail scanner or a preview fetches is not opened, and "laatst geopend" is true.
"""

from uuid import UUID

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.berichtenboek import content, duo_views, file, queries, service
from keyservice.berichtenboek.blueprint import bp
from keyservice.berichtenboek.editions import CURRENT
from keyservice.berichtenboek.forms import AskForm
from keyservice.berichtenboek.messages import LINK_PATH, PATH
from keyservice.berichtenboek.models import Copy
from keyservice.berichtenboek.workflow import LINK_LIVES, Status
from keyservice.kernel.actor import Role
from keyservice.web import access
from keyservice.web.forms import Form

__all__ = ["bp", "duo_views"]  # importing that module hangs its pages into the blueprint
_OF_GEMEENTE = (Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
_READERS = (*_OF_GEMEENTE, Role.RELATIEBEHEERDER, Role.AUDITOR)
_LINK = f"{LINK_PATH}<token>"


@bp.get(PATH)
@access.allow(*_OF_GEMEENTE)
def index() -> ResponseReturnValue:
    """Show a gemeente whether it has the berichtenboek, and for whom it asked."""
    copies = queries.of_gemeente(access.actor().gemeente or "")
    own = next((copy for copy in copies if copy.leverancier is None and copy.status is Status.HELD), None)
    return render_template("berichtenboek/index.html", copies=copies, own=own, current=CURRENT)


@bp.route(f"{PATH}/aanvragen", methods=["GET", "POST"])
@access.allow(*_OF_GEMEENTE)
def ask() -> ResponseReturnValue:
    """Ask for whom the berichtenboek is, and ask it of DUO."""
    own_there = queries.own(access.actor().gemeente or "") is not None
    form = AskForm(own_there=own_there)
    if form.validate_on_submit():
        service.ask(access.actor(), form.receivers())
        flash("Uw aanvraag is verstuurd. Uw relatiebeheerder bekijkt de aanvraag.", "gelukt")
        return redirect(url_for("berichtenboek.index"), 303)
    page = render_template(
        "berichtenboek/ask.html",
        form=form,
        form_errors=form.errors,
        own_there=own_there,
        link_days=LINK_LIVES.days,
        breadcrumbs=[("Berichtenboek", url_for("berichtenboek.index")), ("Aanvragen", request.path)],
    )
    return page, 422 if form.errors else 200


@bp.post(f"{PATH}/<uuid:copy_id>/stoppen")
@access.allow(*_OF_GEMEENTE)
def stop(copy_id: UUID) -> ResponseReturnValue:
    """Take back what was asked for or handed out. It only takes, so it asks for no fresh factor."""
    service.stop(access.actor(), copy_id)
    flash("Dit is gestopt. Een link naar het berichtenboek werkt niet meer.", "gelukt")
    return redirect(url_for("berichtenboek.index"), 303)


@bp.post(f"{PATH}/openen")
@access.allow(*_OF_GEMEENTE)
def open_own() -> ResponseReturnValue:
    """Note that the gemeente opens the newest version, and show it."""
    service.open_own(access.actor())
    return redirect(url_for("berichtenboek.read"), 303)


@bp.get(f"{PATH}/lezen")
@access.allow(*_READERS)
def read() -> ResponseReturnValue:
    """Show the book to a gemeente that has it, and to DUO."""
    if not _may_read():
        return redirect(url_for("berichtenboek.index"), 303)
    return _book(url_for("berichtenboek.download"))


@bp.get(f"{PATH}/bestand")
@access.allow(*_READERS)
def download() -> ResponseReturnValue:
    """Return the book as one file, to keep or hand on."""
    if not _may_read():
        return redirect(url_for("berichtenboek.index"), 303)
    return _file()


@bp.route(_LINK, methods=["GET", "POST"])
@access.public
def door(token: str) -> ResponseReturnValue:
    """Show a supplier what is behind the link; the button opens it."""
    copy = queries.by_link(token)
    if Form().validate_on_submit():
        service.open_by_link(access.actor(), token)
        return redirect(url_for("berichtenboek.read_by_link", token=token), 303)
    return render_template("berichtenboek/door.html", copy=copy, current=CURRENT)


@bp.get(f"{_LINK}/lezen")
@access.public
def read_by_link(token: str) -> ResponseReturnValue:
    """Show the book to a supplier who opened it."""
    if not _opened(queries.by_link(token)):
        return redirect(url_for("berichtenboek.door", token=token), 303)
    return _book(url_for("berichtenboek.download_by_link", token=token))


@bp.get(f"{_LINK}/bestand")
@access.public
def download_by_link(token: str) -> ResponseReturnValue:
    """Return the book as one file to a supplier who opened it."""
    if not _opened(queries.by_link(token)):
        return redirect(url_for("berichtenboek.door", token=token), 303)
    return _file()


def _opened(copy: Copy) -> bool:
    """Tell whether this version was opened: so nobody reads one without our knowing who has it."""
    return copy.opened_version == CURRENT.number


def _may_read() -> bool:
    who = access.actor()
    return who.has(Role.RELATIEBEHEERDER, Role.AUDITOR) or _opened(service.own_copy(who))


def _book(file_url: str) -> str:
    return render_template("berichtenboek/book.html", book=content.book(), file_url=file_url)


def _file() -> Response:
    # Never as a page of this site: it has a style of its own.
    answer = Response(file.page(content.book()), mimetype="application/octet-stream")
    answer.headers.set("Content-Disposition", "attachment", filename=file.NAME)
    return answer
