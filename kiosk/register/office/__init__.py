"""What office and technician do: empty the bin, merge students, import files, watch the kiosks."""
