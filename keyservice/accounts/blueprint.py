"""The one blueprint of this slice; each file of pages hangs its routes into it."""

from flask import Blueprint

bp = Blueprint("accounts", __name__)
