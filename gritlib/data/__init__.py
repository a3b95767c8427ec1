"""What goes in: paired images as in-memory sources. `catalog.load(name, split, size)` is the door."""
