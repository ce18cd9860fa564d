"""The part of a gateway's configuration that its peers share: addresses, SAs, keys.

Assumes a file that `espgate check` accepts: this reader reports no mistakes of its own."""
import ipaddress
import pathlib
from typing import NamedTuple

import yaml

# Key bytes without the salt. All of these have a salt of 4, an explicit IV of 8 and an ICV of 16
# bytes (RFC 4106 s3, s4, s6; RFC 7634 s2).
SUITE_KEY_BYTES = {"aes128gcm16": 16, "aes192gcm16": 24, "aes256gcm16": 32,
                   "chacha20poly1305": 32}
SALT_BYTES = 4


class Sa(NamedTuple):
    dir: str
    spi: int
    suite: str
    key: bytes
    salt: bytes
    esn: bool
    replay_window: int


class Peer(NamedTuple):
    name: str
    local: object
    remote: object
    subnets: list
    udp_encap: bool
    sas: list

    def sas_of(self, direction):
        return [sa for sa in self.sas if sa.dir == direction]


def read_key(path, suite):
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    keymat = bytes.fromhex(next(filter(None, lines)).removeprefix("0x"))
    if len(keymat) != SUITE_KEY_BYTES[suite] + SALT_BYTES:
        raise ValueError(f"{path}: {len(keymat)} bytes are no key and salt of {suite}")
    return keymat[:-SALT_BYTES], keymat[-SALT_BYTES:]


def load(path):
    """The peers, each with its SAs in both directions."""
    path = pathlib.Path(path)
    config = yaml.safe_load(path.read_text())
    peers = []
    for name, peer in config["peers"].items():
        sas = []
        for sa in peer["sas"]:
            key, salt = read_key(path.parent / sa["key_file"], sa["suite"])
            sas.append(Sa(sa["dir"], sa["spi"], sa["suite"], key, salt, sa.get("esn", False),
                          sa.get("replay_window", 64)))
        peers.append(Peer(name, ipaddress.ip_address(peer["local"]),
                          ipaddress.ip_address(peer["remote"]),
                          [ipaddress.ip_network(net) for net in peer["subnets"]],
                          peer.get("udp_encap", False), sas))
    return peers


def peer_for(peers, address):
    """The peer with the longest prefix that holds the address, or None."""
    matches = [(net.prefixlen, peer) for peer in peers for net in peer.subnets if address in net]
    return max(matches, key=lambda match: match[0])[1] if matches else None
