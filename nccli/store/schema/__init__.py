"""Tables, their column types, and how the schema comes to be."""
