"""What can be made: kinds of file and the operations that make them. Declarations only; nothing here runs anything."""
