"""The people a gemeente proposes to receive zip and password, and the proof that they are two people."""
