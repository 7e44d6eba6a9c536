"""Contracts that ship with the product: starting points that an operator copies and changes, usable by name.

They are examples of ours (2026), not anybody's published prices, except where a source is named.
"""

from collections.abc import Mapping

_OVERSTAY_CNY = {"label": "overstay", "price_per_h": "2.00", "counts": "after charging", "free_h": "0.5", "fee_max": "20.00"}

NAMED_CONTRACTS: Mapping[str, Mapping[str, object]] = {
    # Charges at once, whenever the car comes: full price of the hour and full service fee.
    "disorderly-cny": {
        "name": "disorderly",
        "currency": "CNY",
        "service_price_per_kwh": "0.80",
        "time_fees": [_OVERSTAY_CNY],
    },
    # Lets the site choose the hours until the car leaves: half the service fee.
    "orderly-cny": {
        "name": "orderly",
        "currency": "CNY",
        "service_price_per_kwh": "0.40",
        "time_fees": [{**_OVERSTAY_CNY, "window_from": "07:00", "window_to": "22:00"}],
    },
    # Gives energy back as well: paid 1.2 times the price of the hour for it.
    "v2g-cny": {
        "name": "V2G",
        "currency": "CNY",
        "service_price_per_kwh": "0.40",
        "v2g_tariff_share": "1.2",
    },
    # Energy in both directions at the price of the tariff, no fee.
    "energy-only-cny": {"name": "energy only", "currency": "CNY", "v2g_tariff_share": "1"},
    "energy-only-eur": {"name": "energy only", "currency": "EUR", "v2g_tariff_share": "1"},
    "energy-only-usd": {"name": "energy only", "currency": "USD", "v2g_tariff_share": "1"},
}
