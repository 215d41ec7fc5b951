"""The demo: fictive people, the program on one machine with its own mail server, the walk along the whole road."""
