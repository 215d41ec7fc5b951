"""The figures of the service for Prometheus, read from the database when they are asked for.

So they are right with any number of processes, and after a restart. They hold no personal data.
"""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import case, func, select

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.audit.sealer import unsealed_since
from keyservice.database import db
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.outbox import queries
from keyservice.outbox.beats import living
from keyservice.outbox.models import Channel, Delivery

# What an issuance underway waits for.
STEPS = ("receipt", "password", "activation")


class Figures(Collector):
    """Reads all figures anew at each scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the figures; each combination of labels is always there, also with 0, so that a rule can watch it."""
        yield _messages()
        yield _one(
            "keyservice_messages_retrying", "Messages that failed and are tried again.", queries.count_retrying()
        )
        lag = _seconds_since(queries.oldest_due())
        yield _one("keyservice_messages_lag_seconds", "For how long the oldest due message waits for a worker.", lag)
        unsealed = _seconds_since(unsealed_since())
        yield _one("keyservice_events_unsealed_seconds", "For how long the oldest event waits to be sealed.", unsealed)
        yield _one("keyservice_workers", "Workers that were seen within the last minute.", living())
        yield _issuances()
        yield _aanvragen()


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _messages() -> GaugeMetricFamily:
    text = "Messages by channel and status; dead and bounced ones wait for a person."
    family = GaugeMetricFamily("keyservice_messages", text, labels=("channel", "status"))
    found = queries.counts_by_channel()
    for channel in Channel:
        for status in Delivery:
            family.add_metric((channel, status), found.get((channel, status), 0))
    return family


def _seconds_since(moment: datetime | None) -> float:
    return max((clock.now() - moment).total_seconds(), 0) if moment else 0


def _issuances() -> GaugeMetricFamily:
    step = case(
        (Issuance.password_sent_at.is_not(None), "activation"),
        (Issuance.received_at.is_not(None) | Issuance.released_at.is_not(None), "password"),
        else_="receipt",
    )
    query = select(step, func.count()).where(Issuance.ended_at.is_(None)).group_by(step)
    found = {row[0]: row[1] for row in db.session.execute(query)}
    family = GaugeMetricFamily(
        "keyservice_issuances_underway", "Issuances underway by the step they wait for.", labels=("step",)
    )
    for name in STEPS:
        family.add_metric((name,), found.get(name, 0))
    return family


def _aanvragen() -> GaugeMetricFamily:
    found = {
        row[0]: row[1] for row in db.session.execute(select(Aanvraag.status, func.count()).group_by(Aanvraag.status))
    }
    family = GaugeMetricFamily("keyservice_aanvragen", "Aanvragen by status.", labels=("status",))
    for status in Status:
        family.add_metric((status,), found.get(status, 0))
    return family
