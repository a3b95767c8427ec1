"""The claims, measured: one file a study, one JSON a run, a report over the runs."""
