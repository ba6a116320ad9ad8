"""What the register keeps for a kiosk at the broker: lessons, cards, orders to erase."""
