"""The base of every form: cleaned text, Dutch faults, no secret let in."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import abort, request
from flask_wtf import FlaskForm
from wtforms import Field, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length, StopValidation

from keyservice.kernel.text import clean, holds_secret
from keyservice.web import machine

SECRET_TYPED = (
    "Hier staat een sleutel of wachtwoord. Dat mag niet, en wij hebben het niet bewaard. "  # noqa: S105 - a message
    "Is de sleutel nog in gebruik? Vraag dan een nieuwe aan."
)
Filter = Callable[[Any], Any]


def forms_only() -> None:
    """Refuse a request of people that sends another thing than a form: in JSON or a file a field need not be a text."""
    form = request.method in {"GET", "HEAD", "OPTIONS"} or request.mimetype in {"", "application/x-www-form-urlencoded"}
    if not form and not machine.asks():
        abort(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


def refuse_secret(_form: object, field: Field) -> None:
    """Check, as a validator, that a field holds no key or password; one that does is wiped. Raises StopValidation."""
    if holds_secret(field.data or ""):
        # Wiped here, so that the page that shows the faults cannot show it back.
        field.data = ""
        field.raw_data = [""]
        raise StopValidation(SECRET_TYPED)


class Form(FlaskForm):
    """A form with CSRF protection; the layout shows its faults in a summary and at the field."""

    # Flask-WTF has no types: these two give it some.
    def __init__(self, *positional: object, **options: object) -> None:
        super().__init__(*positional, **options)  # type: ignore[no-untyped-call]  # see above

    def validate_on_submit(self, extra_validators: object = None) -> bool:
        """Tell whether the form was posted and everything in it is right."""
        return bool(super().validate_on_submit(extra_validators))  # type: ignore[no-untyped-call]  # see above


def _cleaner(*, lines: bool) -> Filter:
    return lambda value: clean(value, lines=lines) if isinstance(value, str) else value


def text_field(label: str, missing: str, *, longest: int = 100, shortest: int = 2, **options: Any) -> StringField:
    """Return a required line of text; `missing` is what to do when it is empty, too short or too long."""
    return StringField(
        label,
        filters=[_cleaner(lines=False)],
        validators=[refuse_secret, DataRequired(missing), Length(shortest, longest, _length(shortest, longest))],
        **options,
    )


def optional_field(label: str, *, longest: int = 100) -> StringField:
    """Return a line of text that may stay empty."""
    return StringField(
        label,
        filters=[_cleaner(lines=False)],
        validators=[refuse_secret, Length(max=longest, message=_length(0, longest))],
    )


def remark_field(label: str, missing: str | None = None, *, longest: int = 2000, shortest: int = 0) -> TextAreaField:
    """Return a field for several lines; `missing` makes it required and says what to write."""
    required = [DataRequired(missing)] if missing else []
    return TextAreaField(
        label,
        filters=[_cleaner(lines=True)],
        validators=[refuse_secret, *required, Length(shortest, longest, _length(shortest, longest))],
    )


def _length(shortest: int, longest: int) -> str:
    if shortest:
        return f"Gebruik minstens {shortest} en hoogstens {longest} tekens."
    return f"Gebruik hoogstens {longest} tekens."


def parsed(parse: Callable[[str], str], message: str) -> Callable[[object, Field], None]:
    """Return a validator that replaces what was typed by its normal form, or says `message`.

    `parse` raises ValueError for what cannot be understood; then the typed text stays as it was.
    """

    def validate(_form: object, field: Field) -> None:
        if not field.data:
            return
        try:
            field.data = parse(field.data)
        except ValueError as error:
            raise ValidationError(message) from error

    return validate
