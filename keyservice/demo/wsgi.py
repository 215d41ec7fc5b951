"""The web application of the demo, as gunicorn loads it; its environment comes from the stack."""

import os

from keyservice.demo.stack import demo_app

app = demo_app(os.environ)
