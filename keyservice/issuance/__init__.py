"""Handing a key over: zip, password, delivery, activation, and what happens when that stops halfway."""
