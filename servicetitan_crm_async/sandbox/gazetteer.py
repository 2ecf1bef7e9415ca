"""Words the sandbox makes its people, places and errands from. All of it is made up."""

from __future__ import annotations

from typing import NamedTuple


class FieldType(NamedTuple):
    """A custom field that a tenant has set up."""

    name: str
    data_type: str
    options: tuple[str, ...] = ()


class Town(NamedTuple):
    """A town with a point near its middle, around which its addresses are scattered."""

    city: str
    state: str
    zip: int
    latitude: float
    longitude: float


FIRST_NAMES = (
    "Aaliyah", "Ana", "André", "Beatriz", "Björn", "Brandon", "Carlos", "Chloë", "Daniel", "Deshawn",
    "Dolores", "Elif", "Emily", "Fatima", "François", "Gary", "Grace", "Hannah", "Hiroshi", "Imani",
    "Isabel", "Jamal", "James", "Jürgen", "Karen", "Kofi", "Linda", "Łukasz", "Maria", "Mei", "Michael",
    "Minh", "Nadia", "Noah", "Olga", "Oscar", "Patricia", "Priya", "Quinn", "Rachel", "Robert", "Rosa",
    "Saoirse", "Sarah", "Søren", "Teresa", "Thomas", "Uma", "Víctor", "Wei", "William", "Xóchitl",
    "Yusuf", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Abbott", "Ahmed", "Almeida", "Anderson", "Bauer", "Begay", "Brown", "Castañeda", "Chen", "Cohen",
    "D'Angelo", "Davis", "Dvořák", "Edwards", "Fischer", "Flores", "García", "Goldberg", "Green",
    "Haddad", "Hansen", "Harris", "Ibáñez", "Jackson", "Johnson", "Jørgensen", "Kaya", "Kim", "Kowalski",
    "Larsen", "Lee", "López", "Martin", "Mbeki", "Miller", "Müller", "Nakamura", "Nguyễn", "Novák",
    "Nuñez", "O'Brien", "Okafor", "Olsen", "Park", "Patel", "Peña", "Pérez", "Quispe", "Rossi", "Ruiz",
    "Sánchez", "Schmidt", "Singh", "Smith", "Sørensen", "Taylor", "Tran", "Underwood", "Vasquez",
    "Walker", "Williams", "Wójcik", "Yildiz", "Young", "Zhang", "李",
)  # fmt: skip
TRADES = (
    "Bakery", "Café", "Dental", "Diner", "Fitness", "Garage", "Grocers", "Holdings LLC", "Inn",
    "Laundry", "Properties", "Realty & Sons", "School", "Storage", "Veterinary", "Warehouse",
)  # fmt: skip
STREETS = (
    "Alder Ct", "Ash St", "Birch Ln", "Canyon Rd", "Cedar Ave", "Church St", "Desert Willow Dr",
    "Elm St", "Foothill Blvd", "Garfield Ave", "Hickory Ln", "Juniper Way", "La Cañada Dr",
    "Lincoln Ave", "Magnolia Blvd", "Main St", "Maple Ave", "Mesquite Rd", "Mill St", "Oak Grove Rd",
    "Olive Ave", "Orchard Ln", "Palo Verde Dr", "Park Ave", "Pine St", "Prospect Ave", "River Rd",
    "Rosewood Ct", "Saguaro Ln", "Spruce St", "Sycamore Dr", "Washington Blvd",
)  # fmt: skip
TOWNS = (
    Town("Glendale", "CA", 91201, 34.1425, -118.2551),
    Town("Burbank", "CA", 91502, 34.1808, -118.3090),
    Town("Fresno", "CA", 93721, 36.7378, -119.7871),
    Town("Phoenix", "AZ", 85003, 33.4484, -112.0740),
    Town("Mesa", "AZ", 85201, 33.4152, -111.8315),
    Town("Austin", "TX", 78701, 30.2672, -97.7431),
    Town("Plano", "TX", 75023, 33.0198, -96.6989),
    Town("El Paso", "TX", 79901, 31.7619, -106.4850),
    Town("Denver", "CO", 80202, 39.7392, -104.9903),
    Town("Cañon City", "CO", 81212, 38.4494, -105.2253),
    Town("Atlanta", "GA", 30303, 33.7490, -84.3880),
    Town("Tampa", "FL", 33602, 27.9506, -82.4572),
    Town("Columbus", "OH", 43215, 39.9612, -82.9988),
    Town("Newark", "NJ", 7102, 40.7357, -74.1724),
    Town("Worcester", "MA", 1608, 42.2626, -71.8023),
    Town("Tacoma", "WA", 98402, 47.2529, -122.4443),
)
ERRANDS = (
    "AC not cooling, unit runs but blows warm air", "Annual tune-up", "Drain backed up in the kitchen",
    "Estimate for a new furnace", "Garage door off its track", "Leak under the bathroom sink",
    "No heat since last night", "Outlet sparks when used", "Panel upgrade to 200 A",
    "Pilot light goes out", "Quote for a water softener", "Replace thermostat",
    "Roof leak near the chimney", "Sump pump alarm", "Toilet runs constantly",
    "Water heater making noise — “like popcorn”",
)  # fmt: skip
REMARKS = (
    "Beware of the dog, call from the gate", "Breaker panel is behind the fridge",
    "Customer prefers morning visits", "Left a quote with the tenant", "Meter is in the neighbour's yard",
    "No answer, left a voicemail", "Parts on order, expected in a week",
    "Paid cash; receipt by post", "Second floor, no lift", "¿Habla español? Sí, llamar a María",
)  # fmt: skip
MEMOS = (
    None, None, None, "Home", "Work", "Owner's daughter - Kelly", "Call after 5 pm", "Büro", "Tenant",
    "Gate: #4471",
)  # fmt: skip
PERSON_TITLES = (None, "Owner", "Tenant", "Property manager", "Accounts payable", "Hausmeister")
TAGS = (
    ("VIP", "#FFB300"), ("Do Not Rush", "#B71C1C"), ("Membership", "#1B5E20"), ("Warranty", "#0D47A1"),
    ("Commercial Contract", "#4A148C"), ("Pets", "#6D4C41"), ("Gate Code", "#37474F"),
    ("Past Due", "#D50000"), ("New Construction", "#00838F"), ("Referral", "#558B2F"),
    ("Señas en español", "#EF6C00"), ("Old Equipment", "#827717"), ("Financing", "#283593"),
    ("Landlord", "#5D4037"), ("Rebate", "#2E7D32"), ("No Voicemail", "#455A64"),
)  # fmt: skip
FIELD_TYPES = (
    FieldType("Gate code", "Text"), FieldType("Preferred window", "Text"), FieldType("System age", "Numeric"),
    FieldType("Referred by", "Text"), FieldType("Heating fuel", "Dropdown", ("Gas", "Oil", "Electric")),
)  # fmt: skip
SOURCES = ("Website", "Angi", "Google Local Services", "Thumbtack", "Chat")
