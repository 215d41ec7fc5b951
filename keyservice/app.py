"""The application: a flat list of what is registered."""

import os
from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from flask_babel import Babel
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

import keyservice.aanvragen.views
import keyservice.accounts.blueprint
import keyservice.accounts.login
import keyservice.accounts.sessions
import keyservice.accounts.views
import keyservice.api.operation
import keyservice.api.pages
import keyservice.api.views
import keyservice.berichtenboek.views
import keyservice.contacts.views
import keyservice.gemeenten.views
import keyservice.issuance.kept_contacts_views
import keyservice.issuance.views
import keyservice.issuance.wave_views
import keyservice.outbox.channels.mail
import keyservice.overview.navigation
import keyservice.overview.views
import keyservice.portaal.views
import keyservice.web.dates
import keyservice.web.errors
import keyservice.web.headers
import keyservice.web.pages
from keyservice.accounts.queries import any_fictive
from keyservice.audit.status import tell_broken
from keyservice.audit.triggers import check_triggers
from keyservice.database import db, engine_options, tune
from keyservice.kernel.seal import LASTING_RINGS, SEALING_RINGS, Rings
from keyservice.settings import Mode, Settings, SettingsError
from keyservice.sleutels.usage import write_in_background
from keyservice.web import access
from keyservice.web.forms import forms_only

PACKAGE = Path(__file__).parent
# In a wheel the templates stand inside the package, in a checkout beside it.
TEMPLATES = next(path for path in (PACKAGE / "templates", PACKAGE.parent / "templates") if path.is_dir())
PAGES = (
    keyservice.web.pages,
    keyservice.accounts.blueprint,
    keyservice.contacts.views,
    keyservice.gemeenten.views,
    keyservice.aanvragen.views,
    keyservice.issuance.views,
    keyservice.issuance.kept_contacts_views,
    keyservice.issuance.wave_views,
    keyservice.overview.views,
    keyservice.api.views,
    keyservice.api.pages,
    keyservice.berichtenboek.views,
    keyservice.portaal.views,
)
# The longest page is the form; nothing is uploaded.
LONGEST_REQUEST = 512 * 1024


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application from settings (default: from the environment). Raises SettingsError."""
    settings = settings or Settings.from_environ(os.environ)
    app = Flask("keyservice", template_folder=str(TEMPLATES), static_folder=str(PACKAGE / "static"))
    app.extensions["keyservice.settings"] = settings
    app.extensions["keyservice.rings"] = rings = _rings(settings)
    app.config.update(
        SECRET_KEY=rings.keys("session")[0].key.hex(),
        WTF_CSRF_SECRET_KEY=_FormKeys(rings),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
        MAX_CONTENT_LENGTH=LONGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=LONGEST_REQUEST,
        MAX_FORM_PARTS=200,
        TRUSTED_HOSTS=list(settings.trusted_hosts) or None,
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as the session
        BABEL_DEFAULT_LOCALE="nl",
        BABEL_DEFAULT_TIMEZONE="Europe/Amsterdam",
        MAIL_SUPPRESS_SEND=False,
        MAIL_DEBUG=0,
        MAIL_DEFAULT_SENDER=settings.mail_from,
    )
    app.url_map.strict_slashes, app.url_map.merge_slashes = True, False
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    keyservice.accounts.sessions.register(app)
    db.init_app(app)
    with app.app_context():
        tune(db.engine)
    Migrate(app, db, directory=str(PACKAGE / "migrations"), render_as_batch=True)
    Babel(app)
    app.before_request(forms_only)  # before anything is read of what was sent
    keyservice.outbox.channels.mail.mail.init_app(app)
    keyservice.web.headers.register(app, settings)
    keyservice.web.dates.register(app)
    keyservice.web.errors.register(app)
    keyservice.accounts.login.register(app, settings)
    # After who acts is known: the page about an old form says who is logged in. No cookie opens the API.
    CSRFProtect(app).exempt(keyservice.api.operation.bp)
    keyservice.api.views.register(app)
    access.register(app)
    app.extensions["keyservice.step_up"] = keyservice.accounts.views.step_up
    for pages in PAGES:
        app.register_blueprint(pages.bp)
    app.context_processor(keyservice.overview.navigation.page_values)
    access.declare_endpoint(app, "static", access.Access(public=True, enrolling=True))
    if settings.proxy_hops:
        behind = ProxyFix(app.wsgi_app, x_for=settings.proxy_hops, x_proto=settings.proxy_hops)
        app.wsgi_app = behind  # type: ignore[method-assign]  # as Flask advises
    return app


def ready_app(settings: Settings | None = None) -> Flask:
    """Build the application to serve or work with, on a database that keeps history and is not that of a demo.

    Raises SettingsError and TriggersMissing.
    """
    app = create_app(settings)
    with app.app_context():
        try:
            check_triggers()
            tell_broken()
            if app.extensions["keyservice.settings"].mode is Mode.PRODUCTION and any_fictive():
                raise SettingsError("KEYSERVICE_DATABASE_URL: this database holds the people of the demo")
        finally:
            db.session.remove()
            db.engine.dispose()  # a process that is forked from this one must not share the connection
    write_in_background(app)
    return app


class _FormKeys:
    """The keys that sign forms, oldest first as itsdangerous wants them: a form signed by any of them is good.

    They are read at each use: a new key signs in every process at once, and the forms that are open stay good.
    """

    def __init__(self, rings: Rings) -> None:
        self._rings = rings

    def __iter__(self) -> Iterator[str]:
        return (key.key.hex() for key in reversed(self._rings.keys("session")))


def _rings(settings: Settings) -> Rings:
    # In production the operator makes the rings once (`keyservice create-rings`): a service that made its own after
    # a wrong mount would seal with keys that nobody keeps.
    if settings.mode != "production":
        return Rings.create(settings.rings)
    rings = Rings(settings.rings)
    try:
        with rings.alone("write"):  # they rotate by themselves, and that must not fail a week from now
            for name in (*SEALING_RINGS, *LASTING_RINGS):
                rings.keys(name)
    except OSError as error:
        raise SettingsError(
            f"KEYSERVICE_RINGS: {error.filename}: {error.strerror}. This user must be able to read and write there; "
            "`keyservice create-rings` makes the rings that are missing."
        ) from error
    return rings
