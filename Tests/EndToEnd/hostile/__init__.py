"""A hostile client: asserts the server's reaction, case by case."""
