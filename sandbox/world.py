"""Everything there is in the outside world, in one value that the handlers share.

Owns the order in which the parts come to life; no rules.
"""

from dataclasses import dataclass, field

from sandbox.beacon import Beacon
from sandbox.clock import Clock
from sandbox.courier import Courier
from sandbox.faults import Faults
from sandbox.paybook import Payments
from sandbox.people import People, Session
from sandbox.sms import Messages
from sandbox.store import Store
from sandbox.telegram_bots import Bots
from sandbox.tenants import Tenants


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. target: base URL of the system under development, without a slash."""

    port: int
    state: str
    target: str
    beacon_seed: str
    clock_file: str | None
    telegram_rate: float | None


@dataclass(frozen=True, slots=True)
class World:
    """The parts of the outside world."""

    settings: Settings
    store: Store
    clock: Clock
    people: People
    tenants: Tenants
    faults: Faults
    courier: Courier
    messages: Messages
    payments: Payments
    bots: Bots
    beacon: Beacon
    # Number → its open session; none survives a restart, as none survives a lost network.
    dialled: dict[str, Session] = field(default_factory=dict)


def build(settings: Settings) -> World:
    """Bring the world back to life from its file; inside a running event loop."""
    store = Store(settings.state)
    clock = Clock(settings.clock_file)
    people = People(store, clock)
    courier = Courier(store)
    faults = Faults(store)
    return World(
        settings=settings,
        store=store,
        clock=clock,
        people=people,
        tenants=Tenants(store),
        faults=faults,
        courier=courier,
        messages=Messages(store, people, clock, faults),
        payments=Payments(store),
        bots=Bots(store, courier, people, rate=settings.telegram_rate),
        beacon=Beacon(settings.beacon_seed),
    )
