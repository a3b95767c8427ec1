"""Grades notebooks: student code runs in a box, what it answers is compared outside."""
