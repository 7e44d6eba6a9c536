"""Settings of the telemetry of vehicles and battery boxes: section [telematics]."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

NAME_AND_PASSWORD = r"^[^:]{1,12}:.{1,20}$"


class Telematics(Struct, frozen=True, forbid_unknown_fields=True):
    """Telemetry of vehicles (GB/T 32960) and battery boxes (MQTT)."""

    enabled: Annotated[bool, Meta(description="listen for vehicles (GB/T 32960)")] = False
    port: Annotated[int, Meta(ge=0, le=65535, description="port for vehicles; 0 takes a free one")] = 32960
    tls_certificate: Annotated[str, Meta(description="file with the certificate chain (PEM); empty: no TLS")] = ""
    tls_key: Annotated[str, Meta(description="file with its private key (PEM)")] = ""
    vehicles: Annotated[tuple[str, ...], Meta(description="VINs that are let in; empty: every one")] = ()
    platforms: Annotated[
        tuple[Annotated[str, Meta(pattern=NAME_AND_PASSWORD)], ...],
        Meta(description="platforms that may forward their vehicles, each NAME:PASSWORD, at most 12 and 20 characters"),
    ] = ()
    answer_reports: Annotated[
        Literal["standard", "always"],
        Meta(description="standard: a right report of a vehicle is not answered, one of a platform is; always: each is"),
    ] = "standard"
    connections_max: Annotated[int, Meta(ge=1, description="connections at the same time")] = 20000
    frames_per_s: Annotated[float, Meta(gt=0, description="mean rate above which a vehicle's connection is slowed down")] = 50.0
    platform_frames_per_s: Annotated[float, Meta(gt=0, description="the same for a platform's connection")] = 5000.0
    login_s: Annotated[float, Meta(gt=0, le=3600, description="a connection that has not logged in by then is closed")] = 60.0
    idle_s: Annotated[float, Meta(gt=0, le=86400, description="a connection that says nothing for so long is closed")] = 600.0
    half_frame_s: Annotated[float, Meta(gt=0, le=600, description="how long the rest of a frame is waited for")] = 10.0
    write_s: Annotated[float, Meta(gt=0, le=600, description="how long a peer may leave our answers unread")] = 10.0
    mqtt_url: Annotated[
        str, Meta(pattern=r"^(mqtts?://.+)?$", description="broker of the battery boxes, mqtt://user:password@host:1883; empty: none")
    ] = ""
    box_floor_s: Annotated[float, Meta(gt=0, le=3600, description="shortest interval that a box is asked for")] = 1.0
    box_parked_floor_s: Annotated[
        float, Meta(gt=0, le=86400, description="shortest interval while the vehicle is parked and its 12 V battery feeds the box")
    ] = 60.0
    box_retry_s: Annotated[float, Meta(gt=0, le=3600, description="a command that is not acknowledged is sent again after this")] = 10.0
    box_tries: Annotated[int, Meta(ge=1, le=100, description="so often at most; then the box is shown as silent")] = 5
    bytes_per_day: Annotated[
        float,
        Meta(
            ge=0,
            description="what all battery boxes and terminals together may send in a day: suspect batteries are sampled faster,"
            " others slower; 0: they keep their own intervals",
        ),
    ] = 0.0
    terminal_rates: Annotated[bool, Meta(description="terminals of GB/T 32960 are told as well (command 0x81)")] = True
    terminal_period_s: Annotated[
        float, Meta(ge=1, le=30, description="period of reports that a terminal goes back to when nobody wants another")
    ] = 30.0
