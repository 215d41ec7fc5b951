"""The API for machines, version 1: `/v1`, its OpenAPI document, and the pages that explain both."""
