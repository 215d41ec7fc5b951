"""Why a message did not arrive, in words of which nobody needs to know the mail system."""

import pytest

from keyservice.kernel import clock
from keyservice.outbox.models import OutboxMessage
from keyservice.overview.causes import cause


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("SMTP 550: recipient refused", "De mailserver weigerde het adres van de ontvanger (550)"),
        ("SMTP 554: recipient refused", "De mailserver weigerde het adres van de ontvanger (554)"),
        ("SMTP 552", "De mailserver weigerde het bericht (552)"),
        ("SMTP 451", "De mailserver kon het bericht nog niet aannemen (451)"),
        ("SMTP 450: recipient refused", "De mailserver kon het bericht nog niet aannemen (450)"),
        ("ConnectionRefusedError", "De server was niet bereikbaar"),
        ("SMTPServerDisconnected", "De server was niet bereikbaar"),
        ("connection lost", "De server was niet bereikbaar"),
        ("gaierror", "De server was niet bereikbaar"),
        ("TimeoutError", "De server antwoordde niet op tijd"),
        ("certificate: self-signed certificate", "De verbinding met onze mailserver is niet veilig"),
        ("SMTPNotSupportedError", "De verbinding met onze mailserver is niet veilig"),
        ("seal broken or its ring key destroyed", "De inhoud van het bericht is vernietigd of beschadigd"),
        ("recipient is not one plain mail address", "Dit is geen goed e-mailadres"),
        ("sms of 171 characters", "De sms is te lang of bevat tekens die niet kunnen"),
        ("no such sms provider", "Er is geen dienst ingesteld die sms'en verstuurt"),
        ("TemplateNotFound", "Versturen lukte niet (TemplateNotFound)"),
        (None, "Onbekend"),
    ],
)
def test_an_error_of_sending_reads_as_a_sentence(error: str | None, words: str) -> None:
    assert cause(OutboxMessage(last_error=error)) == words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("5.1.1", "Het adres van de ontvanger bestaat niet of werkt niet meer (5.1.1)"),
        ("5.1.10", "Het adres van de ontvanger bestaat niet of werkt niet meer (5.1.10)"),
        ("5.2.1", "De mailbox van de ontvanger neemt niets aan (5.2.1)"),
        ("5.2.2", "De mailbox van de ontvanger is vol (5.2.2)"),
        ("5.3.4", "Het bericht is te groot voor de mailserver van de ontvanger (5.3.4)"),
        ("4.4.1", "De mailserver van de ontvanger was niet bereikbaar (4.4.1)"),
        ("5.7.1", "De mailserver van de ontvanger laat het bericht niet door (5.7.1)"),
        ("5.0.0", "Een mailserver stuurde het bericht terug (5.0.0)"),
        ("5.9.99", "Een mailserver stuurde het bericht terug (5.9.99)"),
    ],
)
def test_a_code_of_a_report_reads_as_a_sentence(status: str, words: str) -> None:
    message = OutboxMessage(last_error="SMTP 451", bounced_at=clock.now(), bounce_status=status)
    assert cause(message) == words
