"""The berichtenboek: all that a builder of a cliëntvolgsysteem needs, made from the program; and who has it."""
