"""How gunicorn serves the demo: one process with threads, quiet, without a control socket."""

workers = 1
threads = 8
worker_class = "gthread"
control_socket_disable = True
loglevel = "warning"
