"""Check the lights, the buzzer and the button at the door."""

from kiosk.check.finding import Finding, attempt, ok, warning
from kiosk.config.keys import Config
from kiosk.feedback.gpio import open_panel
from kiosk.service_status import ServiceStatus


def check_signals(config: Config) -> list[Finding]:
    """Open the configured pins, and let go of them; nothing is said where none is configured."""
    section = config.signals
    if section.backend == "none":
        return []
    if section.backend == "mock":
        return [warning("signals", "pins in memory instead of lights at the door")]

    def look() -> Finding:
        open_panel(section, config.directory).close()
        return ok("signals", "every pin can be used")

    return [attempt("signals", look)]


def signals_finding(status: ServiceStatus) -> list[Finding]:
    """Return what is wrong with the pins that the service holds; nothing if nothing is."""
    if not status.signals_fault:
        return []
    return [warning("signals", f"{status.signals_fault}; the service records without them")]
