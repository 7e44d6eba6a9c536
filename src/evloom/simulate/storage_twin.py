"""The twin of stationary batteries: they follow their order as far as their charge allows."""

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.network.site import StorageTable


class StorageTwin:
    """State of every stationary battery, and what they did in each step.

    order_kw (n_storage,) positive = charge; stored_kwh (n_storage,) at the cells; flow_kwh (n_storage, n_step) net at the meter;
    out_kwh (n_storage,) discharged at the meter, unsigned.
    """

    def __init__(self, table: StorageTable, n_step: int) -> None:
        self.table = table
        self.order_kw = np.zeros(len(table.storage_id))
        self.stored_kwh = table.soc_initial * table.capacity_kwh
        self.flow_kwh = np.zeros((len(table.storage_id), n_step))
        self.out_kwh = np.zeros(len(table.storage_id))

    def run(self, hours: float, step: int) -> Float:
        """Let `hours` pass; mean power drawn (n_storage,), positive = import."""
        table = self.table
        order_kw = np.clip(self.order_kw, -table.discharge_max_kw, table.charge_max_kw)
        into_kwh = np.minimum(np.maximum(order_kw, 0.0) * hours, (table.capacity_kwh - self.stored_kwh) / table.charge_efficiency)
        out_kwh = np.minimum(np.maximum(-order_kw, 0.0) * hours, self.stored_kwh * table.discharge_efficiency)
        self.stored_kwh = np.clip(
            self.stored_kwh + into_kwh * table.charge_efficiency - out_kwh / table.discharge_efficiency, 0.0, table.capacity_kwh
        )
        self.flow_kwh[:, step] += into_kwh - out_kwh
        self.out_kwh += out_kwh
        return (into_kwh - out_kwh) / hours

    def at_nodes(self, power_kw: Float, n_node: int) -> Float:
        """Power (n_storage,) summed at the nodes the batteries hang on, (n_node,)."""
        total_kw = np.zeros(n_node)
        np.add.at(total_kw, self.table.node, power_kw)
        return total_kw
