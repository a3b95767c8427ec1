"""What goes in: images as in-memory sources, in pairs or apart. `catalog.load(name, split, size)` is the door."""
