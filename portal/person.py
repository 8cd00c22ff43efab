"""Who is signed in: a vendor or one of the staff, with the offices held, and where each of them lands."""

from typing import NamedTuple

ROLES = ("vendor", "helper", "board", "ward", "province", "operator")
# Where one lands: the widest office first.
RANK = ("operator", "province", "ward", "board", "helper")


class Office(NamedTuple):
    """A role and the area it is for (`market:cho-a`, `ward:26506`, `province:79`); an operator's is everywhere.

    `name` is what people call the area.
    """

    role: str
    area: str | None
    name: str = ""

    @property
    def code(self) -> str:
        """The area's bare code."""
        return (self.area or "").partition(":")[2]

    @property
    def path(self) -> str:
        """The page this office begins with."""
        if self.role in ("operator", "helper"):
            return "/operator" if self.role == "operator" else "/field"
        return f"/{self.role}/{self.code}"


class Person(NamedTuple):
    """A vendor has a phone and no office; staff have a name, and offices in the order of `RANK`."""

    visit_id: int
    name: str
    staff_id: int | None = None
    vendor_id: int | None = None
    phone: str | None = None
    offices: tuple[Office, ...] = ()
    has_second_factor: bool = False

    @property
    def who(self) -> str:
        """As the audit names her; a vendor by a number, so that a phone can be erased."""
        return f"vendor:{self.vendor_id}" if self.is_vendor else f"staff:{self.name}"

    @property
    def is_vendor(self) -> bool:
        return self.vendor_id is not None

    @property
    def is_operator(self) -> bool:
        return self.has_role("operator")

    def has_role(self, *roles: str) -> bool:
        """The role, wherever it is for."""
        return (self.is_vendor and "vendor" in roles) or any(office.role in roles for office in self.offices)

    def codes(self, role: str) -> list[str]:
        """The markets, wards or provinces (by code) that she holds this role for."""
        return [office.code for office in self.offices if office.role == role]

    @property
    def landing(self) -> str:
        """The page after signing in."""
        if self.is_vendor:
            return "/stall"
        return self.offices[0].path if self.offices else "/account"


def in_order(offices: list[Office]) -> tuple[Office, ...]:
    return tuple(sorted(offices, key=lambda office: (RANK.index(office.role), office.area or "")))
