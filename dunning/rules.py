"""The rule book: everything that is data and not policy, read once and handed in.

The one rule: it is built from bytes, whole or not at all; who reads the files is not this module's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dunning.declines.tables import read_tables
from dunning.declines.verdicts import DeclineRules
from dunning.network_rules.fees import Fees, read_fees
from dunning.network_rules.limits import NetworkRules, read_network_rules

NETWORK_FILES = ("limits.json", "debits.json", "fees.json")


@dataclass(frozen=True, slots=True)
class Rules:
    """Decline tables, ceilings and fees."""

    declines: DeclineRules
    networks: NetworkRules
    fees: Fees


def read_rules(declines: Mapping[str, bytes], networks: Mapping[str, bytes]) -> Rules:
    """Read and check all rule data.

    Args:
        declines: the code tables, content by file name.
        networks: the files named in `NETWORK_FILES`, content by file name.

    Raises:
        RuleDataError: a file contradicts itself; the message names file and row.
    """
    return Rules(
        declines=DeclineRules(read_tables(declines)),
        networks=read_network_rules(networks["limits.json"], networks["debits.json"]),
        fees=read_fees(networks["fees.json"]),
    )
