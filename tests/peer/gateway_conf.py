"""Read the part of a gateway's configuration that its peers share: addresses, SAs, keys.

Assumes a file that `espgate check` accepts, and reports no mistakes."""
import ipaddress
import pathlib
from typing import NamedTuple

import yaml

import suites


class Sa(NamedTuple):
    dir: str
    spi: int
    suite: str
    key: bytes
    salt: bytes
    auth_key: bytes
    esn: bool
    replay_window: int

    def cipher(self):
        return suites.SUITES[self.suite].cipher(self.key, self.salt, self.auth_key)

    def high(self, seq):
        """The half of a sequence number that is authenticated but not sent."""
        return (seq >> 32).to_bytes(4, "big") if self.esn else b""


class Peer(NamedTuple):
    name: str
    local: object
    remote: object
    subnets: list
    udp_encap: bool
    source_ports: range  # of UDP encapsulation
    sas: list
    df: str  # of the outer IPv4 header: copy, set, clear
    transport: bool

    def sas_of(self, direction):
        return [sa for sa in self.sas if sa.dir == direction]


def read_key(path, name):
    """Return (key, salt, authentication key). The file has one line for each key: encryption,
    authentication."""
    suite = suites.SUITES[name]
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    keys = [bytes.fromhex(line.removeprefix("0x")) for line in lines if line]
    sizes = [n for n in (suite.key_bytes + suite.salt_bytes, suite.auth_key_bytes) if n]
    if [len(key) for key in keys] != sizes:
        raise ValueError(f"{path}: not the keys of {name}")
    return suite.split(b"".join(keys))


def subnets(peer):
    """Destinations sealed for the peer, and sources accepted from it; in transport mode, the endpoint
    itself."""
    return [ipaddress.ip_network(net) for net in peer.get("subnets", [peer["remote"]])]


def source_ports(n):
    """Port 4500 (RFC 3948 s2.1), or n of the dynamic ports (RFC 6335 s6)."""
    return range(4500, 4501) if n == 1 else range(49152, 49152 + n)


def load(path):
    """Return the peers, each with its SAs in both directions."""
    path = pathlib.Path(path)
    config = yaml.safe_load(path.read_text())
    peers = []
    for name, peer in config["peers"].items():
        sas = []
        for sa in peer["sas"]:
            keys = read_key(path.parent / sa["key_file"], sa["suite"])
            sas.append(Sa(sa["dir"], sa["spi"], sa["suite"], *keys, sa.get("esn", False),
                          sa.get("replay_window", 64)))
        encap = peer.get("udp_encap", False)
        spread = encap.get("source_ports", 1) if isinstance(encap, dict) else 1
        peers.append(Peer(name, ipaddress.ip_address(peer["local"]),
                          ipaddress.ip_address(peer["remote"]),
                          subnets(peer),
                          bool(encap), source_ports(spread), sas, peer.get("df", "copy"),
                          peer.get("mode") == "transport"))
    return peers


def peer_for(peers, address):
    """Return the peer with the longest prefix that contains the address, or None."""
    matches = [(net.prefixlen, peer) for peer in peers for net in peer.subnets if address in net]
    return max(matches, key=lambda match: match[0])[1] if matches else None
