"""The report's classifier: train it, measure it, compare it with enrolment."""
