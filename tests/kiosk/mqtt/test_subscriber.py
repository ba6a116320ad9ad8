"""PUBACKs: in the order of the messages, and only on the connection that these came on."""

from hypothesis import given
from hypothesis import strategies as st

from kiosk.mqtt.subscriber import Acknowledgements


class Sent(list[tuple[int, int]]):
    """The PUBACKs that were sent: packet id and QoS."""

    def send(self, packet_id: int, qos: int) -> None:
        self.append((packet_id, qos))


@given(st.permutations(range(1, 7)))
def test_acknowledgements_go_out_in_the_order_of_the_messages(order: list[int]) -> None:
    """Law: in any order of acknowledging, PUBACKs go out in order, as early as that allows."""
    sent = Sent()
    acknowledgements = Acknowledgements(sent.send)
    acknowledge = {number: acknowledgements.receive(number, 1) for number in range(1, 7)}
    done: set[int] = set()
    for number in order:
        acknowledge[number]()
        done.add(number)
        ready = next(missing for missing in range(1, 8) if missing not in done) - 1
        assert sent == [(packet_id, 1) for packet_id in range(1, ready + 1)]


def test_acknowledging_twice_sends_one_puback() -> None:
    """A second acknowledgement of one message has no effect."""
    sent = Sent()
    acknowledge = Acknowledgements(sent.send).receive(7, 1)
    acknowledge()
    acknowledge()
    assert sent == [(7, 1)]


def test_a_message_of_qos_0_needs_no_acknowledgement() -> None:
    """It sends nothing, and holds back no other."""
    sent = Sent()
    acknowledgements = Acknowledgements(sent.send)
    unasked = acknowledgements.receive(0, 0)
    acknowledgements.receive(1, 1)()
    unasked()
    assert sent == [(1, 1)]


def test_an_acknowledgement_after_the_connection_broke_is_not_sent() -> None:
    """The packet id may belong to another message on the next connection."""
    sent = Sent()
    acknowledgements = Acknowledgements(sent.send)
    late = acknowledgements.receive(1, 1)
    acknowledgements.disconnect()
    again = acknowledgements.receive(1, 1)
    late()
    assert sent == []
    again()
    assert sent == [(1, 1)]
