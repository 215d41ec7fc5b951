"""Pages of a beheerder: which relatiebeheerder looks after which gemeente."""

from collections.abc import Mapping
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from keyservice.accounts import portfolio, queries
from keyservice.accounts.blueprint import bp
from keyservice.accounts.people_forms import HandOverForm, PortfolioForm, end_of
from keyservice.gemeenten.queries import names
from keyservice.kernel.actor import Role
from keyservice.web import access


@bp.get("/portefeuilles")
@access.allow(Role.BEHEERDER)
def portfolios() -> ResponseReturnValue:
    """Show who looks after which gemeente."""
    entries = portfolio.entries()
    return render_template(
        "accounts/people_portfolios.html",
        entries=entries,
        names=queries.names(entry.account_id for entry in entries),
        gemeenten=names(entry.gemeente for entry in entries),
    )


@bp.route("/portefeuilles/toewijzen", methods=["GET", "POST"])
@access.allow(Role.BEHEERDER, step_up=True)
def give_portfolio() -> ResponseReturnValue:
    """Give a gemeente to a relatiebeheerder."""
    form = PortfolioForm(_relatiebeheerders())
    if form.validate_on_submit():
        until = end_of(form.tot.data)
        portfolio.give_portfolio(access.actor(), UUID(form.persoon.data), form.gemeente.data, until=until)
        flash("De gemeente is toegewezen.", "gelukt")
        return redirect(url_for("accounts.portfolios"), 303)
    page = render_template("accounts/people_portfolio_give.html", form=form, form_errors=form.errors)
    return page, 422 if form.errors else 200


@bp.route("/portefeuilles/overdragen", methods=["GET", "POST"])
@access.allow(Role.BEHEERDER, step_up=True)
def hand_over_portfolio() -> ResponseReturnValue:
    """Hand a whole portfolio over."""
    givers = queries.names(entry.account_id for entry in portfolio.entries())
    form = HandOverForm(_by_name(givers), _relatiebeheerders())
    if form.validate_on_submit():
        count = portfolio.hand_over(access.actor(), UUID(form.van.data), UUID(form.naar.data))
        flash(f"{count} {'gemeente is' if count == 1 else 'gemeenten zijn'} overgedragen.", "gelukt")
        return redirect(url_for("accounts.portfolios"), 303)
    page = render_template("accounts/people_portfolio_hand_over.html", form=form, form_errors=form.errors)
    return page, 422 if form.errors else 200


@bp.post("/portefeuilles/<uuid:entry_id>/beeindigen")
@access.allow(Role.BEHEERDER)
def end_portfolio(entry_id: UUID) -> ResponseReturnValue:
    """Take a gemeente out of a portfolio."""
    portfolio.end_portfolio(access.actor(), entry_id)
    flash("De gemeente hoort niet meer bij deze relatiebeheerder.", "gelukt")
    return redirect(url_for("accounts.portfolios"), 303)


def _relatiebeheerders() -> dict[str, str]:
    return {str(person.id): person.name for person in queries.holders(Role.RELATIEBEHEERDER)}


def _by_name(people: Mapping[UUID, str]) -> dict[str, str]:
    return {str(person): name for person, name in sorted(people.items(), key=lambda item: item[1])}
