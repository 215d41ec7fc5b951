"""The public page on which anybody shows a key that he found: from then on it works no more."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from keyservice.issuance import leaks
from keyservice.issuance.blueprint import bp
from keyservice.issuance.forms import LeakForm
from keyservice.kernel.errors import Invalid
from keyservice.sleutels.format import KEY_PATTERN
from keyservice.web import access
from keyservice.web.error_texts import text_of

_PATH = "/gelekte-sleutel"


@bp.route(_PATH, methods=["GET", "POST"])
@access.public
def report_leak() -> ResponseReturnValue:
    """Take the keys in what was pasted; nothing of it is shown back."""
    form = LeakForm()
    if form.validate_on_submit():
        try:
            leaks.report(access.actor(), form.sleutel.data or "", form.gevonden_op.data or "")
        except Invalid as error:
            form.sleutel.errors = [text_of(error)[1]]
        else:
            return redirect(url_for("issuance.leak_reported"), 303)
    form.forget_secrets()
    page = render_template("issuance/leak.html", form=form, form_errors=form.errors, pattern=KEY_PATTERN.pattern)
    return page, 422 if form.errors else 200


@bp.get(f"{_PATH}/gemeld")
@access.public
def leak_reported() -> ResponseReturnValue:
    """Thank; the same for every key, whether it existed or not."""
    return render_template("issuance/leak_reported.html")
