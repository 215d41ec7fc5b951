"""The production entry: `gunicorn wsgi:app`."""

from keyservice.start import served_app

app = served_app()
