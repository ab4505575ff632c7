"""Whether an address is this host's own, public ones included: its ports are not for clients to reach."""

import socket

from workers.fetch.address_policy import IPAddress

_DISCARD_PORT = 9


def is_own_address(address: IPAddress) -> bool:
    """Whether a packet to the address would stay on this host, as the routing table says. Sends nothing.

    A host reaches its own addresses from these very addresses, and no other's. An address that a router
    translates, such as a cloud's public address of this host, cannot be known here: fence the ports off in
    the network.
    """
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), _DISCARD_PORT))
        except OSError:  # no route to it: then it is nobody's, and dialling it will say so
            return False
        return bool(probe.getsockname()[0] == str(address))
