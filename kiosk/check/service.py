"""The command ``kiosk status``: what the running service says about itself."""

from collections.abc import Callable
from typing import Final

from kiosk.check.finding import Finding, fault, ok, report, warning
from kiosk.check.signals import signals_finding
from kiosk.config.keys import Config
from kiosk.counted import counted, counted_people
from kiosk.errors import BrokerError, CameraError, GalleryError, OutboxError
from kiosk.service_status import FRESH_S, ServiceStatus, age_s, read_status

_UNAVAILABLE: Final = 69
_LONG_S: Final = 900
"""So long an event never waits for a register that runs and can be reached."""
_USELESS: Final = ("black", "covered", "frozen", "hung", "lost")


def run_status(config: Config, say: Callable[[str], None], *, as_json: bool) -> int:
    """Print the state of the running service.

    Returns:
        The exit code: 0; 69 if the service does not run; else that of the first fault.
    """
    return report(service_findings(config), say, as_json=as_json)


def service_findings(config: Config) -> list[Finding]:
    """Return the state of the running service, part by part."""
    status = read_status(config)
    if status is None:
        text = "not running; `sudo systemctl start kiosk`, and see `journalctl -u kiosk`"
        return [fault("service", text, _UNAVAILABLE)]
    if not status.model_id:
        return [_process(status), fault("outbox", status.outbox_fault, OutboxError.exit_code)]
    return [
        _process(status),
        configuration_finding(status),
        ok("model", status.model_id),
        _gallery(status),
        _outbox(status),
        camera_finding(status),
        _broker(status),
        _faces(status),
        *signals_finding(status),
        clock_finding(is_synchronised=status.clock == "synchronised", off_s=status.clock_off_s),
    ]


def _process(status: ServiceStatus) -> Finding:
    silent_s = age_s(status)
    if silent_s > FRESH_S:
        text = f"process {status.pid} has given no sign of life for {silent_s:.0f} s"
        advice = "see `kiosk check` for the disk, then `sudo systemctl restart kiosk`"
        return fault("service", f"{text}; {advice}", _UNAVAILABLE)
    up = _duration(status.written_s - status.started_s)
    return ok("service", f"running for {up}, version {status.version}, process {status.pid}")


def configuration_finding(status: ServiceStatus) -> Finding:
    """Return whether the service uses what is in its files."""
    if status.reload is not None and status.reload.error:
        text = f"the last reload failed: {status.reload.error}"
        return fault("configuration", text, GalleryError.exit_code)
    if status.restart_keys:
        keys = ", ".join(status.restart_keys)
        return warning("configuration", f"changed, but used only after a restart: {keys}")
    return ok("configuration", "in use")


def _gallery(status: ServiceStatus) -> Finding:
    if status.gallery_fault:
        return fault("gallery", status.gallery_fault, GalleryError.exit_code)
    if not status.people:
        return warning("gallery", "nobody is enrolled; enrol people with `kiosk enrol`")
    return ok("gallery", f"{counted_people(status.people)} enrolled")


def _outbox(status: ServiceStatus) -> Finding:
    if status.outbox_fault:
        return fault("outbox", status.outbox_fault, OutboxError.exit_code)
    text = f"{counted(status.waiting, 'event')} waiting for the register"
    if status.undelivered:
        text += f", {status.undelivered} of them for the broker"
    if (status.oldest_waiting_s or 0) >= _LONG_S:
        text += f", the oldest for {_duration(status.oldest_waiting_s or 0)}"
        return warning("outbox", f"{text}: is the register running?")
    return ok("outbox", text)


def camera_finding(status: ServiceStatus) -> Finding:
    """Return the state of the camera, which the service holds open."""
    text = "in use by the running kiosk"
    if status.last_frame_s is not None:
        text += f", last frame {max(0.0, status.written_s - status.last_frame_s):.1f} s ago"
    if status.camera in _USELESS:
        what = status.camera_fault or f"{text}: nobody can be recognised"
        return fault("camera", f"{status.camera}: {what}", CameraError.exit_code)
    return ok("camera", f"{status.camera}; {text}")


def _broker(status: ServiceStatus) -> Finding:
    if status.broker_fault:
        return fault("broker", status.broker_fault, BrokerError.exit_code)
    return ok("broker", f"connected to {status.broker}")


def _faces(status: ServiceStatus) -> Finding:
    refused = sorted(status.faces_refused.items(), key=lambda item: -item[1])
    shares = ", ".join(f"{count / status.faces_seen:.0%} {why}" for why, count in refused)
    text = f"{status.faces_seen} seen since the start"
    if shares:
        text += f"; refused: {shares}"
    return warning("faces", f"{status.refusal}; {text}") if status.refusal else ok("faces", text)


def clock_finding(*, is_synchronised: bool, off_s: float | None = None) -> Finding:
    """Return whether the time of events can be trusted.

    Args:
        is_synchronised: Whether it can.
        off_s: How far the system's clock is from what can be right, seconds; ``None``: it may be.
    """
    if off_s is not None:
        way = "behind" if off_s < 0 else "ahead"
        text = f"jumped, and is {abs(off_s):.0f} s {way} of the kiosk's own time; events say so"
        return warning("clock", f"{text}; see `timedatectl`")
    if is_synchronised:
        return ok("clock", "synchronised")
    text = "not synchronised: events say so; see `timedatectl`, and allow NTP in the network"
    return warning("clock", text)


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = ((days, "d"), (hours, "h"), (minutes % 60, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
