"""What carries out each command of the table. `OPERATIONS` finds it by the command's id."""
