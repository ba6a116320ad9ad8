"""The table of faults."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.faults import rows_broker as broker
from tests.faults import rows_clock as clock
from tests.faults import rows_file as file
from tests.faults import rows_machine as machine
from tests.faults import rows_network as network
from tests.faults import rows_people as people
from tests.faults import rows_rights as rights
from tests.faults.network import Quality
from tests.faults.stage import Stage


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table.

    Attributes:
        text: What happens.
        happen: Makes it happen.
        protocol: Version of MQTT that the kiosk speaks.
        is_binned: Some messages belong into the bin.
        is_lossy: Events are lost with the only file that has them; each must be said by number.
    """

    text: str
    happen: Callable[[Stage], int]
    protocol: str = "5"
    is_binned: bool = False
    is_lossy: bool = False


FAULTS: Final = {
    "nobody": Fault("nobody subscribes yet, MQTT 5", broker.nobody_subscribes),
    "nobody-3": Fault("nobody subscribes yet, MQTT 3.1.1", broker.nobody_subscribes, "3.1.1"),
    "away": Fault("register away, the broker's queue overflows", broker.register_is_away),
    "slow": Fault("register stopped 99 % of the time", broker.register_is_slow),
    "broker-killed": Fault("broker killed, default autosave", broker.broker_is_killed),
    "no-state": Fault("broker restarted without its state", broker.broker_loses_its_state),
    "denied": Fault("access list denies, MQTT 5", broker.access_list_denies),
    "denied-3": Fault("access list denies, MQTT 3.1.1", broker.access_list_denies, "3.1.1"),
    "unconfirmed": Fault("register may not confirm, MQTT 5", broker.access_list_denies_register),
    "kiosk-killed": Fault("kiosk killed (kill -9) at random", machine.kiosk_is_killed),
    "register-killed": Fault("register killed (kill -9) at random", machine.register_is_killed),
    "swallowed": Fault("acknowledgements swallowed", network.acknowledgements_are_swallowed),
    "silent": Fault("broker silent (SIGSTOP)", broker.broker_is_silent),
    "half-open": Fault("connection half-open", network.connection_is_half_open),
    "cut": Fault("connection cut in mid-packet", network.connection_is_cut),
    "full-disk": Fault("kiosk's disk full", machine.disk_is_full),
    "power": Fault("power cut while the kiosk writes", machine.power_is_cut),
    "database-killed": Fault("PostgreSQL killed (kill -9) at random", machine.database_is_killed),
    "loss": Fault("network loses 10 % of the packets", network.network_is_bad(Quality(loss=0.1))),
    "delay": Fault(
        "network delays by 0.25 to 0.75 s", network.network_is_bad(Quality(delay_s=0.5))
    ),
    "repeats": Fault(
        "network repeats 20 %, out of order",
        network.network_is_bad(Quality(repeated=0.2, delay_s=0.02)),
    ),
    "locked": Fault("outbox locked by another process for 10 s", machine.outbox_is_locked),
    "bad-rows": Fault("rows of the outbox that cannot be sent", machine.rows_are_bad),
    "flipped": Fault("one bit of the outbox flipped", file.bits_are_flipped, is_lossy=True),
    "log-lost": Fault("write-ahead log damaged or lost", file.log_is_lost, is_lossy=True),
    "deleted": Fault("outbox deleted under a running kiosk", file.outbox_is_deleted),
    "read-only": Fault("outbox read-only at the start", file.outbox_is_read_only),
    "erasure": Fault("erasure beside an enrolment", people.erasure_beside_enrolment),
    "rights": Fault("what nobody may do, tried", rights.forbidden_acts),
    "hostile": Fault(
        "hostile messages in the kiosk's name", broker.somebody_is_hostile, is_binned=True
    ),
    "clock-year": Fault(
        "clock a year ahead and back, synchronised", clock.clock_is_set(clock.YEAR_S)
    ),
    "clock-back": Fault("clock an hour back and right again", clock.clock_is_set(-3600.0)),
    "clock-lost": Fault("synchronisation lost in mid-lesson", clock.synchronisation_is_lost),
    "clock-behind": Fault("clock a day behind, synchronised", clock.clock_is_behind),
    "clock-1970": Fault("boot in 1970", clock.boot_is_in(1970)),
    "clock-1960": Fault("boot in 1960", clock.boot_is_in(1960)),
    "day": Fault("register away for a day", broker.register_is_away_for_a_day),
}
