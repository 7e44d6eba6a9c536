"""The settings of the platform: what each means, what is allowed, and what holds where nothing is said.

A TOML file (`evloom serve --config FILE`) gives them by section, the environment by EVLOOM_SECTION__KEY, which is stronger.
docs/serve.md has the table, which `python -m tools.serve_settings` writes from this file.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from evloom.serve.telematics.settings import Telematics

Version = Literal["1.6", "2.0.1", "2.1"]


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """Console and API."""

    host: Annotated[
        str, Meta(min_length=1, description="address to listen on, for chargers too; 0.0.0.0 is every network of this machine")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="port of console and API; 0 takes a free one")] = 8080
    data: Annotated[str, Meta(min_length=1, description="folder for the database, journals and certificates")] = "evloom-data"
    public_url: Annotated[
        str, Meta(pattern="^(https?://.+)?$", description="address by which people reach the console, where a proxy stands before it")
    ] = ""


class Database(Struct, frozen=True, forbid_unknown_fields=True):
    """Where events, sessions, people and money are kept."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^(|sqlite:///.+|postgresql://.+)$",
            description="postgresql://user:password@host/name, or sqlite:///path; empty: evloom.db in the data folder",
        ),
    ] = ""


class Ocpp(Struct, frozen=True, forbid_unknown_fields=True):
    """The side of the chargers."""

    port: Annotated[
        int, Meta(ge=0, le=65535, description="port for chargers without TLS (security profiles 0 and 1); 0 takes a free one")
    ] = 9000
    enabled: Annotated[bool, Meta(description="listen without TLS")] = True
    versions: Annotated[tuple[Version, ...], Meta(min_length=1, description="protocols that are spoken")] = ("1.6", "2.0.1", "2.1")
    unknown_stations: Annotated[
        Literal["", "accept", "pending", "refuse"],
        Meta(description="what a station meets that nobody registered; empty: accept on 127.0.0.1, else pending until somebody accepts it"),
    ] = ""
    tls_port: Annotated[int, Meta(ge=0, le=65535, description="port for chargers with TLS (profiles 2 and 3); 0 takes a free one")] = 9443
    tls_certificate: Annotated[str, Meta(description="file with the server's certificate chain (PEM); empty: no TLS")] = ""
    tls_key: Annotated[str, Meta(description="file with its private key (PEM)")] = ""
    client_ca: Annotated[str, Meta(description="file with the authorities that sign stations' certificates (PEM), beside our own")] = ""
    security_profile_min: Annotated[int, Meta(ge=0, le=3, description="stations with a lower security profile are refused")] = 0
    heartbeat_s: Annotated[int, Meta(ge=5, le=86400, description="interval of heartbeats that stations are told")] = 300
    ping_s: Annotated[float, Meta(ge=0, le=3600, description="interval of WebSocket pings; 0: none")] = 30.0
    call_timeout_s: Annotated[float, Meta(gt=0, le=600, description="how long a station may take to answer")] = 30.0
    message_max_bytes: Annotated[int, Meta(ge=1024, le=64 * 1024 * 1024, description="largest message")] = 1024 * 1024
    compression: Annotated[bool, Meta(description="permessage-deflate, without memory between messages")] = False
    messages_per_s: Annotated[float, Meta(gt=0, description="mean number of messages of one station above which it is slowed down")] = 50.0
    connections_max: Annotated[int, Meta(ge=1, description="stations connected at the same time")] = 20000
    sample_s: Annotated[
        int, Meta(ge=0, le=86400, description="interval of meter values that stations are asked for; 0: leave it to them")
    ] = 30


class Authorisation(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may charge."""

    unknown_tokens: Annotated[Literal["refuse", "accept"], Meta(description="what a card or app that nobody has registered meets")] = (
        "refuse"
    )
    concurrent: Annotated[bool, Meta(description="one token may charge at several stations at the same time")] = True


class Control(Struct, frozen=True, forbid_unknown_fields=True):
    """The loop."""

    period_s: Annotated[float, Meta(ge=0.2, le=900, description="the loop looks and decides at least this often")] = 10.0
    policy: Annotated[
        Literal["uncontrolled", "equal-share", "queue", "earliest-deadline", "least-laxity", "price-queue", "optimal"],
        Meta(description="how power is shared; evloom simulate --help says what each does"),
    ] = "optimal"
    objective: Annotated[str, Meta(min_length=1, description="what `optimal` makes least, as in evloom simulate --objective")] = "cost"
    horizon_h: Annotated[float, Meta(ge=1, le=72, description="how far ahead it plans")] = 24.0
    step_s: Annotated[int, Meta(ge=60, le=3600, description="length of the steps of a plan")] = 900
    margin: Annotated[float, Meta(ge=0, le=0.5, description="share of each limit that plans leave free")] = 0.02


class Site(Struct, frozen=True, forbid_unknown_fields=True):
    """The site that is made at the first start; later it is edited in the console."""

    name: Annotated[str, Meta(min_length=1, max_length=200)] = "my site"
    zone: Annotated[str, Meta(min_length=1, description="IANA time zone: tariffs and departures are read on its clock")] = "UTC"
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217")] = "CNY"
    limit_kw: Annotated[float, Meta(gt=0, description="most power that the site may draw")] = 100.0
    voltage_v: Annotated[float, Meta(ge=50, le=1000, description="phase to neutral")] = 230.0
    rating_kw: Annotated[float, Meta(gt=0, description="rating of an EVSE of which nothing else is known")] = 7.0
    n_phase: Annotated[int, Meta(ge=1, le=3, description="phases of such an EVSE, 1 or 3")] = 1


class Meter(Struct, frozen=True, forbid_unknown_fields=True):
    """A meter of the building. [[meters]] once for each."""

    site: Annotated[str, Meta(description="site id; empty: the first site")] = ""
    node: Annotated[str, Meta(description="node of its tree of limits; empty: the root")] = ""
    kind: Annotated[Literal["mqtt", "modbus", "sunspec"], Meta(description="how it is read")] = "mqtt"
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="0: 1883 for mqtt, 502 for modbus and sunspec")] = 0
    topic: Annotated[str, Meta(description="mqtt: topic to subscribe to")] = ""
    key: Annotated[str, Meta(description="mqtt: path of the value in a JSON message (power.total); empty: the message is the number")] = ""
    user: str = ""
    password: str = ""
    tls: bool = False
    unit_id: Annotated[int, Meta(ge=0, le=255, description="modbus: unit")] = 1
    register: Annotated[int, Meta(ge=0, le=65535, description="modbus: first register (zero-based); sunspec: base of the map")] = 0
    table: Annotated[Literal["holding", "input"], Meta(description="modbus: table of registers")] = "holding"
    number: Annotated[Literal["int16", "uint16", "int32", "uint32", "float32", "float64"], Meta(description="modbus: type")] = "int32"
    scale: Annotated[
        float, Meta(description="kW for one unit of the value: 0.001 for watts; negative where the meter counts import negative")
    ] = 0.001
    period_s: Annotated[float, Meta(gt=0, le=900, description="modbus, sunspec: how often it is read")] = 2.0
    stale_s: Annotated[float, Meta(gt=0, description="older than this the forecast stands in for it")] = 60.0
    includes_charging: Annotated[bool, Meta(description="the meter stands before the chargers too: what they draw is taken off")] = False


class Cluster(Struct, frozen=True, forbid_unknown_fields=True):
    """Several gateways on one PostgreSQL."""

    gateway: Annotated[
        str, Meta(pattern="^[A-Za-z0-9_-]{0,40}$", description="name of this process, unlike all others; empty: made up anew")
    ] = ""
    nats_url: Annotated[
        str, Meta(pattern="^(nats://.+|tls://.+)?$", description="wakes the owner of a station at once; empty: it looks every second")
    ] = ""


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """How many days of running things are kept. Sessions and money are kept for ever."""

    frames_days: Annotated[float, Meta(gt=0, description="OCPP messages as they were sent")] = 30.0
    meter_days: Annotated[float, Meta(gt=0, description="meter values, for power curves")] = 400.0
    log_days: Annotated[float, Meta(gt=0, description="the log of events, from which sessions can be worked out again")] = 90.0
    journal_days: Annotated[float, Meta(gt=0, description="journals of the loop, which can be replayed")] = 90.0


class Log(Struct, frozen=True, forbid_unknown_fields=True):
    """What the process says on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Annotated[Literal["json", "text"], Meta(description="one JSON object a line, or for people")] = "text"


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings."""

    server: Server = Server()
    database: Database = Database()
    ocpp: Ocpp = Ocpp()
    authorisation: Authorisation = Authorisation()
    control: Control = Control()
    site: Site = Site()
    meters: tuple[Meter, ...] = ()
    cluster: Cluster = Cluster()
    retention: Retention = Retention()
    telematics: Telematics = Telematics()
    log: Log = Log()
