"""The audit trail: a closed catalogue of events, written in the transaction of the act itself."""

from keyservice.audit.append import forget_anonymous, record, record_each, record_refusal
from keyservice.audit.catalogue import EventType, Result, catalogue, define

__all__ = ["EventType", "Result", "catalogue", "define", "forget_anonymous", "record", "record_each", "record_refusal"]
