"""Submissions that attack the grader or are broken, and what each of them deserves."""
