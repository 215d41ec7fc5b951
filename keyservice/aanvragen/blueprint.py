"""The one blueprint of this slice; the pages of the gemeente and of the review hang their routes into it."""

from flask import Blueprint

bp = Blueprint("aanvragen", __name__)
