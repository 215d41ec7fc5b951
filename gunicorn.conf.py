"""How gunicorn serves `gunicorn wsgi:app`; a proxy in front of it does TLS. `--bind` says where it listens.

SQLite has one writer, so two processes at most; with PostgreSQL set WEB_CONCURRENCY to the number of cores.
"""

import os
import socket
import struct
from typing import Any

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
graceful_timeout = 30  # what is being answered when the server stops, is finished
control_socket_disable = True  # else gunicorn opens a socket in the home folder
LONGEST_SILENCE_SECONDS = 10
# Its own lines look like those of the program.
logconfig_dict = {
    "root": {"level": "WARNING", "handlers": ["error_console"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["error_console"], "propagate": False}},
    "formatters": {"generic": {"()": "keyservice.logs.formatter"}},
}
forwarded_allow_ips = ""  # the application reads the proxy's headers, and only when KEYSERVICE_PROXY_HOPS says so


def pre_request(_worker: Any, request: Any) -> None:
    """Give up who sends nothing of a body for so long: gunicorn itself waits for ever, and holds a thread for it.

    Only receiving has this limit: Python's own timeout of a socket would also cut off who takes long to read an answer.
    """
    request.unreader.sock.setsockopt(
        socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", LONGEST_SILENCE_SECONDS, 0)
    )
