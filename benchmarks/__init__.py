"""The program measured beside its peers, in one run: `make bench`. No test, and no timing decides about a change."""
