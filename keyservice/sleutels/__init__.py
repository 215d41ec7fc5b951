"""The applicatiesleutel itself: its format, its activation code and its life."""
