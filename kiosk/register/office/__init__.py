"""What office and technicians do: bin, students, imports, cards, consent, rooms and kiosks."""
