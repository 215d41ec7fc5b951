"""Front pages, status page, dossier, worklist, messages and the auditor's search. Nothing here changes anything."""

from uuid import UUID

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import aanvraag_for, unfinished
from keyservice.aanvragen.review_forms import NoteForm
from keyservice.aanvragen.words import STATUS
from keyservice.accounts.queries import names, portfolio
from keyservice.berichtenboek.queries import count_waiting
from keyservice.gemeenten.phones import show_phone
from keyservice.issuance.queries import count_letters_at_duo
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.overview import (
    auditor_views,
    cards,
    event_words,
    key_views,
    monitor_views,
    proof_views,
    term_views,
    words,
)
from keyservice.overview import dossier as dossiers
from keyservice.overview import status as statuses
from keyservice.overview.blueprint import bp
from keyservice.overview.causes import cause
from keyservice.overview.forms import WorklistForm
from keyservice.overview.front import front_page
from keyservice.overview.keyset import Page
from keyservice.overview.links import cursor, more_url
from keyservice.overview.posts import read as read_posts
from keyservice.overview.todo import LABELS, Act
from keyservice.overview.worklist import page
from keyservice.web import access
from keyservice.web.dates import datumtijd

# Importing these modules hangs their pages into the one blueprint.
__all__ = ["auditor_views", "bp", "key_views", "monitor_views", "proof_views", "term_views"]
_ANY = UUID(int=0)


@bp.context_processor
def _words() -> dict[str, object]:
    """Give templates the words for states, without a call in each view."""
    base = url_for("front.dossier", aanvraag_id=_ANY).removesuffix(str(_ANY))
    return {
        "words": words,
        "event_words": event_words,
        "cards": cards,
        "cause": cause,
        "aanvraag_status": STATUS,
        "show_phone": show_phone,
        "dossier_base": base,  # a url_for for each row would be a third of the time of a page
    }


@bp.get("/")
@access.public
def home() -> ResponseReturnValue:
    """Show what this is, or what waits for who is logged in."""
    template, values = front_page(access.actor())
    return render_template(template, now=clock.now(), **values)


@bp.get("/aanvragen/<uuid:aanvraag_id>")
@access.allow(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
def status(aanvraag_id: UUID) -> ResponseReturnValue:
    """Show a gemeente how its aanvraag stands."""
    aanvraag = aanvraag_for(access.actor(), aanvraag_id)
    view = statuses.read(access.actor(), aanvraag)
    crumbs = [("Aanvragen", url_for("aanvragen.index")), (aanvraag.number or "Concept", request.path)]
    return render_template(
        "overview/status.html",
        aanvraag=aanvraag,
        view=view,
        moments=[(datumtijd(moment.at), moment.title, moment.detail, moment.tone) for moment in view.moments],
        labels=LABELS,
        act_urls=_act_urls(aanvraag),
        now=clock.now(),
        breadcrumbs=crumbs,
    )


def _act_urls(aanvraag: Aanvraag) -> dict[Act, str]:
    aanvraag_id, left = aanvraag.id, unfinished(aanvraag)
    form = url_for("aanvragen.step", aanvraag_id=aanvraag_id, step=left[0]) if left else None
    return {
        Act.EDIT: form or url_for("aanvragen.check", aanvraag_id=aanvraag_id),
        Act.CONTACTS: url_for("aanvragen.contacts", aanvraag_id=aanvraag_id),
        Act.RESUBMIT: url_for("aanvragen.resubmit", aanvraag_id=aanvraag_id),
        Act.ACTIVATE: url_for("issuance.activate", aanvraag_id=aanvraag_id),
        Act.START: url_for("aanvragen.start"),
        Act.REPLACE: url_for("aanvragen.start_replacement", aanvraag_id=aanvraag_id),
    }


@bp.get("/dossiers/<uuid:aanvraag_id>")
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def dossier(aanvraag_id: UUID) -> ResponseReturnValue:
    """Show DUO everything about an aanvraag."""
    aanvraag = aanvraag_for(access.actor(), aanvraag_id)
    view = dossiers.read(access.actor(), aanvraag)
    crumbs = [("Werkvoorraad", url_for("front.worklist")), (str(aanvraag.number), request.path)]
    return render_template(
        "overview/dossier.html",
        d=view,
        aanvraag=aanvraag,
        form=NoteForm(),
        now=clock.now(),
        may_see_timeline=access.actor().has(Role.AUDITOR),
        breadcrumbs=crumbs,
    )


@bp.get("/werkvoorraad")
@access.allow(Role.RELATIEBEHEERDER, Role.AUDITOR)
def worklist() -> ResponseReturnValue:
    """Show the aanvragen of all gemeenten: own portfolio first."""
    form, own = WorklistForm(request.args), portfolio(access.person())
    valid, after = form.validate(), cursor()
    found = page(own, form.filter(), after) if valid else Page((), None)
    body = render_template(
        "overview/worklist.html",
        form=form,
        form_errors=form.errors,
        rows=found.rows,
        portfolio=own,
        names=names(row.claimed_by for row in found.rows),
        now=clock.now(),
        letters=count_letters_at_duo() if access.actor().has(Role.RELATIEBEHEERDER) else 0,
        berichtenboeken=count_waiting() if access.actor().has(Role.RELATIEBEHEERDER) else 0,
        next_url=more_url("front.worklist", form, found.next),
        first_url=more_url("front.worklist", form, "") if after else None,
    )
    return body, 200 if valid else 422


@bp.get("/berichten")
@access.allow(Role.RELATIEBEHEERDER)
def messages() -> ResponseReturnValue:
    """Show how many messages stand where, and those that a person must look at."""
    after = request.args.get("na")
    posts = read_posts(access.person(), after)
    next_url = url_for("front.messages", na=posts.after) if posts.after else None
    return render_template("overview/messages.html", posts=posts, next_url=next_url, first=after is None)
