"""Forgetting people: what is personal, how long it stays, and the run that erases it. Above all slices: it sees all."""
