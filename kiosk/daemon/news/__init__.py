"""What the register has told this kiosk through the broker: lessons, cards, erasure orders."""
