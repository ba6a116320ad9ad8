"""Where frames come from: a real camera, a recording or a drawn scene."""
