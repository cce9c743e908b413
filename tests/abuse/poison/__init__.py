"""Documents that are mistakes, by kind: each a row of a table."""

from tests.abuse.poison.core import CORE
from tests.abuse.poison.destination_rules import DESTINATION_RULES
from tests.abuse.poison.row import Poison
from tests.abuse.poison.service_entries import SERVICE_ENTRIES, WORKLOAD_ENTRIES
from tests.abuse.poison.virtual_services import VIRTUAL_SERVICES

POISONS = (*VIRTUAL_SERVICES, *DESTINATION_RULES, *SERVICE_ENTRIES, *WORKLOAD_ENTRIES, *CORE)

__all__ = ["POISONS", "Poison"]
