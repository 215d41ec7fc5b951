"""The production entry: `gunicorn wsgi:app`."""

from keyservice.app import ready_app

app = ready_app()
