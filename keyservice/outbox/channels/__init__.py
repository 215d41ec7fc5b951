"""The ways out: each channel makes the final bytes of a message and hands them to the next server."""
