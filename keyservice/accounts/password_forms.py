"""The form for another password."""

from wtforms import PasswordField
from wtforms.validators import EqualTo, InputRequired

from keyservice.web.forms import Form


class PasswordForm(Form):
    """The old password and twice the new one, which `passwords.check_password` judges.

    By their names a page that gives typed text back leaves these fields out.
    """

    password = PasswordField("Wachtwoord van nu", validators=[InputRequired("Vul uw wachtwoord van nu in")])
    new_password = PasswordField("Nieuw wachtwoord", validators=[InputRequired("Vul een nieuw wachtwoord in")])
    new_password_again = PasswordField(
        "Nieuw wachtwoord nog een keer",
        validators=[
            InputRequired("Vul het nieuwe wachtwoord nog een keer in"),
            EqualTo("new_password", "De 2 nieuwe wachtwoorden zijn niet gelijk"),
        ],
    )
