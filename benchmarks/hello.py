"""Flask alone, with an answer of the same size: the floor of row `verify`."""

from flask import Flask

app = Flask("hello")


@app.get("/v1/sleutel")
def _hello() -> dict[str, str]:
    return {"nummer": "SL-2026-00042", "omgeving": "productie", "gemeente": "9998", "status": "actief"}
