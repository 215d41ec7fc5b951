"""Messages on their way: queued in the transaction of the act, sent by the worker, at least once and byte for byte."""
