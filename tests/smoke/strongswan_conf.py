#!/usr/bin/python3
"""Make gateway configurations from charon's log: strongswan_conf.py LOG FOLDER

LOG is the initiator's, with `chd = 4`: an SA's keys precede the line with its SPIs. Writes a.yaml, b.yaml
(which opens what a sent, with the initiator's keys) and one key file per SA to FOLDER."""
import os
import pathlib
import re
import sys

CONF = """version: 1
ports:
  pods: {{device: "net_pcap0,rx_pcap=EMPTY,tx_pcap=OPENED", role: clear}}
  uplink: {{device: "net_pcap1,rx_pcap=WIRE", role: encrypted, promiscuous: true}}
neighbors:
  - {{port: uplink, ip: 192.0.2.{other}, mac: "02:00:00:00:00:0e"}}
  - {{port: pods, ip: 10.244.{me}.2, mac: "02:00:00:00:00:fe"}}
peers:
  charon:
    local: 192.0.2.{me}
    remote: 192.0.2.{other}
    subnets: [10.244.{other}.0/24]
    udp_encap: true
    sas:
"""
KEY = re.compile(r"\[CHD\] (encryption|integrity) (initiator|responder) key => (\d+) bytes")
DUMP = re.compile(r"\[CHD\] +\d+: ((?:[0-9A-F]{2} )+)")
DONE = re.compile(r"\] (?:inbound )?CHILD_SA (\S+)\{\d+\} established with SPIs (\w+)_i (\w+)_o")


def sas(lines):
    """Yield the initiator's (suite, inbound SPI, outbound SPI, keys)."""
    keys, into, left = {}, None, 0
    for line in lines:
        key, dump, done = KEY.search(line), DUMP.search(line), DONE.search(line)
        if key:
            if key[1] == "encryption" and key[2] == "initiator":
                keys = {}
            into, left = keys.setdefault(key[2], []), int(key[3])
            into.append(b"")
        elif dump and left:
            data = bytes.fromhex(dump[1])[:left]
            into[-1] += data
            left -= len(data)
        elif done:
            yield done[1], int(done[2], 16), int(done[3], 16), keys


def write_key(path, lines):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write("".join(line.hex() + "\n" for line in lines))


def main():
    folder = pathlib.Path(sys.argv[2])
    confs = {"a": CONF.format(me=1, other=2), "b": CONF.format(me=2, other=1)}
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        for suite, spi_in, spi_out, keys in sas(log):
            for name, spi, end in (("a", spi_in, "responder"), ("b", spi_out, "initiator")):
                key = f"{name}-{spi:08x}.key"
                write_key(folder / key, keys[end])
                confs[name] += (f"      - {{dir: in, spi: {spi:#x}, suite: {suite}, "
                                f"key_file: keys/{key}}}\n")
    for name, text in confs.items():
        (folder / f"{name}.yaml").write_text(text)


if __name__ == "__main__":
    main()
