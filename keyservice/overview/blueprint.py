"""The blueprint of the overview; the modules with its pages hang their routes into it."""

from flask import Blueprint

bp = Blueprint("front", __name__)
