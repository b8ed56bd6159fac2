"""A question, an importance, a reading and a format that are not the program's own."""
