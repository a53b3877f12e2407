"""The command line: made from the command table, printing what the operations return."""
