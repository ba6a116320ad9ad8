"""What commands and pages show: the state of each kiosk, and classes and students over days."""
