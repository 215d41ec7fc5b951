"""The blueprint of the handing over: its pages stand in more than one module."""

from flask import Blueprint

bp = Blueprint("issuance", __name__)
