"""The command ``kiosk check``."""

from collections.abc import Callable

from kiosk.check.account import become_service_account
from kiosk.check.broker import check_broker
from kiosk.check.camera import check_camera
from kiosk.check.files import (
    Model,
    check_disk,
    check_erased,
    check_gallery,
    check_model,
    check_outbox,
    check_roster,
)
from kiosk.check.finding import Finding, attempt, failed, ok, report
from kiosk.check.service import camera_finding, clock_finding
from kiosk.check.signals import check_signals, signals_finding
from kiosk.clock import Clock
from kiosk.config.keys import Config
from kiosk.errors import ConfigError
from kiosk.mqtt.client import check_broker_files
from kiosk.service_status import FRESH_S, age_s, read_status

ReadConfig = Callable[[], Config]


def run_check(
    read_config: ReadConfig, clock: Clock, say: Callable[[str], None], *, as_json: bool
) -> int:
    """Prove everything that ``kiosk run`` needs; print a line for each part.

    Args:
        read_config: Reads the configuration.
        clock: Time.
        say: Prints a line.
        as_json: Print JSON instead.

    Returns:
        The exit code: 0, or that of the first fault.
    """
    try:
        become_service_account(read_config())
        config = read_config()  # with the rights of the service
    except ConfigError as exc:
        finding = failed("configuration", exc)
        return report([finding], say, as_json=as_json)
    findings, model = check_all(config, clock)
    known = {"model_id": model.model_id, "worst_int8_steps": model.worst_steps} if model else {}
    return report(findings, say, as_json=as_json, **known)


def check_all(config: Config, clock: Clock) -> tuple[list[Finding], Model | None]:
    """Check every part; return the loaded model, too, if there is one."""
    model_finding, model = check_model(config)
    outbox_finding, speaker = check_outbox(config)
    return [
        *_configuration(config, model),
        model_finding,
        check_gallery(config, model),
        *check_erased(config),
        check_roster(config),
        outbox_finding,
        check_disk(config),
        _camera(config, clock, model),
        *_signals(config),
        check_broker(config, speaker),
        clock_finding(is_synchronised=clock.synchronised()),
    ], model


def _camera(config: Config, clock: Clock, model: Model | None) -> Finding:
    """Look through the camera, or ask the service that holds it open."""
    status = read_status(config)
    if status is not None and status.model_id and age_s(status) <= FRESH_S:
        return camera_finding(status)
    return check_camera(config.camera, clock, model)


def _signals(config: Config) -> list[Finding]:
    """Try the pins, or ask the service that holds them."""
    status = read_status(config)
    return check_signals(config) if status is None else signals_finding(status)


def _configuration(config: Config, model: Model | None) -> list[Finding]:
    """Return each problem that the file alone does not show; one line if there is none."""

    def thresholds() -> Finding:
        if model is not None:
            model.recogniser.rule(1)
        return ok("configuration", "valid")

    def broker_files() -> Finding:
        check_broker_files(config.mqtt)
        return ok("configuration", "valid")

    found = [attempt("configuration", one) for one in (thresholds, broker_files)]
    return [one for one in found if one.verdict == "fault"] or found[:1]
