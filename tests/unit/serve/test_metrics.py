"""Figures for Prometheus."""

from evloom.pile.station import Deviated, TransactionSaid
from evloom.serve.bus import Bus, Happening
from evloom.serve.metrics import Metrics


def test_what_goes_over_the_bus_is_counted_with_bounded_labels():
    bus = Bus()
    metrics = Metrics(bus)
    for number in range(1500):
        bus.publish(Happening("station", "s", Deviated(f"Action{number}", "enum", "f", "v"), 0.0, 0.0))
    bus.publish(Happening("station", "s", TransactionSaid("t", "started", offline=True), 0.0, 0.0))
    text = metrics.text().decode()
    assert 'evloom_ocpp_deviations_total{action="Action0",rule="enum"} 1.0' in text
    assert 'evloom_ocpp_deviations_total{action="other",rule="enum"} 500.0' in text
    assert 'evloom_transaction_words_total{offline="true",phase="started"} 1.0' in text


def test_a_gauge_is_read_when_asked():
    metrics, value = Metrics(Bus()), [1.0]
    metrics.gauge("evloom_x", "x", lambda: value[0])
    assert b"evloom_x 1.0" in metrics.text()
    value[0] = 2.0
    assert b"evloom_x 2.0" in metrics.text()
