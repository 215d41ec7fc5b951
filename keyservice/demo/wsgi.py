"""The web application of the demo, as gunicorn loads it; its environment comes from the stack."""

import os

from keyservice.demo.stack import demo_app
from keyservice.sleutels.usage import write_in_background

app = demo_app(os.environ)
write_in_background(app)
