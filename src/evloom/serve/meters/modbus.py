"""Meters behind Modbus TCP: one value in registers, or the AC meter of a SunSpec map."""

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from evloom.serve.config import Meter
from evloom.serve.meters.values import END, METERS_FLOAT, METERS_INT, SUNSPEC, count_of, registers_value, sunspec_watts

MODELS_MAX = 60  # models of a map that are looked through
BASES = (40000, 0, 50000)  # where a SunSpec map may begin
POINTS = 28


class ModbusReader:
    """Reads one meter. `read` raises OSError where it cannot be reached, ValueError for what it says."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self._client = AsyncModbusTcpClient(meter.host, port=meter.port or 502, timeout=2.0, retries=1, reconnect_delay=0.0)
        self._model: tuple[int, int] | None = None

    async def read(self) -> float:
        """The value now, in the meter's unit (watts of a SunSpec map)."""
        if not self._client.connected and not await self._client.connect():
            raise ConnectionError(f"no connection to {self.meter.host}:{self.meter.port or 502}")
        if self.meter.kind == "modbus":
            return registers_value(await self._registers(self.meter.register, count_of(self.meter.number)), self.meter.number)
        if self._model is None:
            self._model = await self._find()
        model, address = self._model
        return sunspec_watts(model, await self._registers(address, POINTS))

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    async def _find(self) -> tuple[int, int]:
        """The first AC meter of the map: its model and where its points begin."""
        for base in (self.meter.register,) if self.meter.register else BASES:
            try:
                if tuple(await self._registers(base, 2)) != SUNSPEC:
                    continue
            except ValueError:
                continue
            address = base + 2
            for _ in range(MODELS_MAX):
                model, length = await self._registers(address, 2)
                if model in METERS_INT | METERS_FLOAT:
                    return model, address + 2
                if model == END:
                    break
                address += 2 + length
        raise ValueError("no SunSpec map with an AC meter (models 201 to 204, 211 to 214)")

    async def _registers(self, address: int, count: int) -> list[int]:
        read = self._client.read_input_registers if self.meter.table == "input" else self._client.read_holding_registers
        try:
            answer = await read(address, count=count, device_id=self.meter.unit_id)
        except ModbusException as error:
            raise ConnectionError(str(error)) from error
        if answer.isError() or len(answer.registers) < count:
            raise ValueError(f"register {address}: {answer}")
        return list(answer.registers)
