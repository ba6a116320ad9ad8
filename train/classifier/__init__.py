"""The classifier of the report: train it, measure it, compare it with enrolment."""
