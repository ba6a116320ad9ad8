"""The options of the commands, which ``kiosk --help`` reads: they load neither Django nor paho."""
