"""The blueprint of the overview: its pages stand in more than one module."""

from flask import Blueprint

bp = Blueprint("front", __name__)
