"""Editions, commands, answer flags and ciphers of GB/T 32960.3 (tables 2 to 4 and B.2)."""

from enum import IntEnum


class Edition(IntEnum):
    """Edition of the standard that a frame is written in, by its start bytes."""

    V2016 = 0x2323
    V2025 = 0x2424

    @property
    def start(self) -> bytes:
        """The two bytes that a frame begins with."""
        return self.value.to_bytes(2, "big")


class Command(IntEnum):
    """What a frame is about (table 3; table B.2 for terminals)."""

    LOGIN = 0x01
    REPORT = 0x02
    SUPPLEMENT = 0x03
    LOGOUT = 0x04
    PLATFORM_LOGIN = 0x05
    PLATFORM_LOGOUT = 0x06
    HEARTBEAT = 0x07
    TIME_SYNC = 0x08
    ACTIVATION = 0x09
    ACTIVATION_RESULT = 0x0A
    KEY_EXCHANGE = 0x0B
    QUERY = 0x80
    SET = 0x81
    CONTROL = 0x82


class Result(IntEnum):
    """Answer flag (table 4). Above 3 the edition of 2025 alone knows them."""

    SUCCESS = 0x01
    ERROR = 0x02
    VIN_DUPLICATE = 0x03
    VIN_UNKNOWN = 0x04
    SIGNATURE = 0x05
    STRUCTURE = 0x06
    DECRYPTION = 0x07
    COMMAND = 0xFE

    def said_in(self, edition: Edition) -> "Result":
        """The nearest flag that the edition has."""
        return self if edition == Edition.V2025 or self in (self.SUCCESS, self.VIN_DUPLICATE, self.COMMAND) else Result.ERROR


class Cipher(IntEnum):
    """How the data of a frame are encrypted (table 2). Only PLAIN is read."""

    PLAIN = 0x01
    RSA = 0x02
    AES = 0x03
    SM2 = 0x04
    SM4 = 0x05
    ABNORMAL = 0xFE
    INVALID = 0xFF
