"""The forms: for whom a gemeente asks the berichtenboek, and why DUO does not hand it out."""

from wtforms import Field, RadioField, ValidationError
from wtforms.validators import AnyOf

from keyservice.accounts.people_forms import EMAIL_WANTED
from keyservice.berichtenboek.models import Supplier
from keyservice.kernel.mailbox import parse_email
from keyservice.web.forms import Form, optional_field, remark_field

OWN, BOTH, SUPPLIER = "gemeente", "allebei", "leverancier"
_FOR = {
    OWN: "Voor mijn gemeente",
    BOTH: "Voor mijn gemeente en voor onze softwareleverancier",
    SUPPLIER: "Alleen voor onze softwareleverancier",
}
_SHORTEST = 2


class AskForm(Form):
    """For whom; the person of the supplier is asked where there is one."""

    voor = RadioField(
        "Voor wie vraagt u het berichtenboek aan?",
        choices=_FOR,
        validators=[AnyOf(list(_FOR), "Kies voor wie u het berichtenboek aanvraagt")],
        validate_choice=False,
    )
    leverancier = optional_field("Naam van de softwareleverancier")
    naam = optional_field("Naam van de persoon bij de leverancier")
    email = optional_field("E-mailadres van deze persoon", longest=254)

    def __init__(self, *, own_there: bool) -> None:
        """Take whether the gemeente has a copy of its own, or waits for one: then it only asks for a supplier."""
        super().__init__()
        if own_there:
            del self.voor

    @property
    def _wanted(self) -> str:
        return (self.voor.data or "") if "voor" in self else SUPPLIER

    def validate_voor(self, _field: Field) -> None:
        """Refuse a supplier that is typed and not chosen: it would be forgotten in silence."""
        if self._wanted == OWN and any((self.leverancier.data, self.naam.data, self.email.data)):
            raise ValidationError("U vulde ook een leverancier in. Kies die hier ook, of maak die velden leeg")

    def validate_leverancier(self, field: Field) -> None:
        """Ask for the supplier where one is meant."""
        self._require(field, "Vul de naam van uw softwareleverancier in")

    def validate_naam(self, field: Field) -> None:
        """Ask for its person."""
        self._require(field, "Vul de naam in van de persoon die de e-mail krijgt")

    def validate_email(self, field: Field) -> None:
        """Bring the address into its one form."""
        if self._wanted not in {BOTH, SUPPLIER}:
            return
        try:
            field.data = parse_email(field.data or "").lower()
        except ValueError as error:
            raise ValidationError(EMAIL_WANTED) from error

    def _require(self, field: Field, message: str) -> None:
        if self._wanted in {BOTH, SUPPLIER} and len(field.data or "") < _SHORTEST:
            raise ValidationError(message)

    def receivers(self) -> list[Supplier | None]:
        """Return what the use case takes, from a form that validated."""
        found: list[Supplier | None] = [None] if self._wanted in {OWN, BOTH} else []
        if self._wanted in {BOTH, SUPPLIER}:
            found.append(Supplier(self.leverancier.data or "", self.naam.data or "", self.email.data or ""))
        return found


class RefuseForm(Form):
    """Why a copy is not handed out."""

    reden = remark_field(
        "Waarom reikt u het berichtenboek niet uit? De gemeente kan deze tekst lezen.",
        "Schrijf op waarom u het berichtenboek niet uitreikt.",
        longest=1000,
        shortest=10,
    )
