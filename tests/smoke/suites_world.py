#!/usr/bin/python3
"""Make two gateways with one tunnel per suite, and a capture with packets for each tunnel.

  suites_world.py FOLDER ESPGATE OUTER ESN [ENCAP [MODE]]
      OUTER: 4 or 6; ESN: true or false; ENCAP: the peers' udp_encap; MODE: tunnel or transport
  suites_world.py --select IN OUT      select the packets of a wire capture that Wireshark can check

Writes a.yaml, b.yaml, input.pcap, and keys by `espgate keygen` (existing ones are reused). The pods of suite i
are 10.100.i.0/24 and fd00:100:i::/64, behind B; its SPI is 0x1000 + i."""
import ipaddress
import pathlib
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "peer"))
import suites  # noqa: E402
import wire  # noqa: E402

# Around paddings of 4 and 16 bytes and the hashes' blocks (64, 128), and a long one.
PAYLOADS = [*range(0, 18), 63, 64, 65, 101, 128, 255, 1000, 1400, 8000]
NAMES = list(suites.SUITES)


def offered(espgate):
    usage = subprocess.run([espgate, "keygen"], stderr=subprocess.PIPE, text=True, check=False)
    return usage.stderr.split("suites:")[1].split()


def gateway(me, outer, esn, encap, mode):
    sealing = me == "a"
    clear, encrypted = (("input.pcap,tx_pcap=none.pcap", "empty.pcap,tx_pcap=wire.pcap") if sealing
                        else ("empty.pcap,tx_pcap=opened.pcap", "sealed.pcap,tx_pcap=none.pcap"))
    lines = ["version: 1", *(["state_dir: state"] if sealing else []), "ports:",
             f'  pods: {{device: "net_pcap0,rx_pcap={clear}", role: clear, mtu: 9000, '
             "promiscuous: true}",
             f'  uplink: {{device: "net_pcap1,rx_pcap={encrypted}", role: encrypted, mtu: 9000, '
             "promiscuous: true}",
             "neighbors:",
             '  - {port: uplink, ip: 198.51.100.1, mac: "02:00:00:00:00:0e"}',
             '  - {port: uplink, ip: "2001:db8:9::1", mac: "02:00:00:00:00:0e"}',
             '  - {port: pods, ip: 10.99.0.2, mac: "02:00:00:00:00:fe"}',
             '  - {port: pods, ip: "fd00:99::2", mac: "02:00:00:00:00:fe"}',
             "routes:"]
    if sealing:
        lines += ["  - {to: 10.100.0.0/16, via: 10.99.0.2}", '  - {to: "fd00:100::/32", via: "fd00:99::2"}']
    else:
        lines += ["  - {to: 10.200.0.0/16, via: 10.99.0.2}",
                  '  - {to: "fd00:200::/32", via: "fd00:99::2"}']
    theirs, ours = ("192.0.2", "192.0.3") if sealing else ("192.0.3", "192.0.2")
    theirs6, ours6 = ("2001:db8:2", "2001:db8:3") if sealing else ("2001:db8:3", "2001:db8:2")
    lines += [f"  - {{to: {ours}.0/24, via: 10.99.0.2}}", f'  - {{to: "{ours6}::/48", via: "fd00:99::2"}}',
              f"  - {{to: {theirs}.0/24, via: 198.51.100.1}}",
              f'  - {{to: "{theirs6}::/48", via: "2001:db8:9::1"}}']
    lines.append("peers:")
    for i, name in enumerate(NAMES):
        here, there = ends(outer, i, mode) if sealing else reversed(ends(outer, i, mode))
        lines += [f"  {name}:", f"    mode: {mode}", f'    local: "{here}"',
                  f'    remote: "{there}"']
        if mode == "tunnel":
            lines.append(f'    subnets: [10.{200 if sealing else 100}.{i}.0/24, '
                         f'"fd00:{200 if sealing else 100}:{i:x}::/64"]')
        lines += [f"    udp_encap: {encap}",
                  f"    sas: [{{dir: {'out' if sealing else 'in'}, spi: {0x1000 + i}, "
                  f"suite: {name}, esn: {esn}, key_file: keys/{name}.key}}]"]
    return "\n".join(lines) + "\n"


def ends(outer, i, mode):
    """A's and B's addresses; in transport mode, a pair for each suite."""
    n = 1 if mode == "tunnel" else i + 1
    return ((f"192.0.3.{n}", f"192.0.2.{n}") if outer == 4
            else (f"2001:db8:3::{n:x}", f"2001:db8:2::{n:x}"))


# IPv6 extension headers in transport mode: none, options that are sealed, options and routing before ESP.
CHAINS = (b"", bytes.fromhex("1100010400000000"),
          bytes.fromhex("2b000104000000003c00040000000000" "1100010400000000"))
FIRST = (17, 60, 0)


def end_packet(version, i, n):
    """UDP between the endpoints, with varying IPv4 options or IPv6 extension headers."""
    payload = struct.pack(">HHHH", 1000 + i, 9, 8 + n, 0) + bytes(k * 7 + i & 0xFF for k in range(n))
    src, dst = (ipaddress.ip_address(end).packed for end in ends(version, i, "transport"))
    if version == 4:
        options = b"\1" * (n % 3 * 4)
        head = struct.pack(">BBHHHBBH4s4s", 0x45 + n % 3, 0, 20 + len(options) + len(payload), n,
                           0x4000, 64, 17, 0, src, dst)
        return wire.with_ipv4_checksum(head + options + payload)
    chain = CHAINS[n % 3]
    return struct.pack(">IHBB", 6 << 28, len(chain) + len(payload), FIRST[n % 3],
                       64) + src + dst + chain + payload


def packet(version, i, n):
    payload = bytes(k * 7 + i & 0xFF for k in range(n))
    udp = struct.pack(">HHHH", 1000 + i, 9, 8 + n, 0) + payload
    if version == 4:
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n, 0x4000, 64, 17, 0,
                           bytes((10, 100, i, 2)), bytes((10, 200, i, 2)))
        return wire.with_ipv4_checksum(head + udp)
    src, dst = (struct.pack(">HHH", 0xFD00, net, i) + bytes(9) + b"\2" for net in (0x100, 0x200))
    return struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + src + dst + udp


def frames(outer, mode):
    """Suites alternate, so that every burst mixes many of them."""
    link = bytes.fromhex("020000000001020000000002")
    for n in PAYLOADS:
        for version in (4, 6) if mode == "tunnel" else (outer, outer):
            for i in range(len(NAMES)):
                ethertype = b"\x08\x00" if version == 4 else b"\x86\xdd"
                make_one = packet if mode == "tunnel" else end_packet
                yield 0, link + ethertype + make_one(version, i, n)


def make(folder, espgate, outer, esn, encap="false", mode="tunnel"):
    names = offered(espgate)
    if sorted(names) != sorted(NAMES):
        sys.exit(f"suites: espgate and tests/peer differ: {sorted(set(names) ^ set(NAMES))}")
    (folder / "keys").mkdir(exist_ok=True)
    for name in NAMES:
        key = folder / "keys" / f"{name}.key"
        if not key.exists():
            subprocess.run([espgate, "keygen", name, key], check=True)
    shutil.rmtree(folder / "state", ignore_errors=True)  # each SA begins at 1
    (folder / "state").mkdir(mode=0o700)
    (folder / "a.yaml").write_text(gateway("a", outer, esn, encap, mode))
    (folder / "b.yaml").write_text(gateway("b", outer, esn, encap, mode))
    wire.write_pcap(folder / "input.pcap", wire.LINKTYPE_ETHERNET, list(frames(outer, mode)))
    wire.write_pcap(folder / "empty.pcap", wire.LINKTYPE_ETHERNET, [])
    print(len(NAMES) * 2 * len(PAYLOADS))


def select(source, target):
    """Keep frames whose suite Wireshark 4.0 supports, by SPI; the outer header is IPv4."""
    known = {0x1000 + i for i, name in enumerate(NAMES)
             if not any(word in name for word in ("ccm", "gmac", "chacha", "iiv"))}
    link_type, packets = wire.read_pcap(source)
    kept = [(us, frame) for us, frame in packets
            if int.from_bytes(frame[34:38], "big") in known]
    wire.write_pcap(target, link_type, kept)
    print(len(kept))


if __name__ == "__main__":
    if sys.argv[1] == "--select":
        select(sys.argv[2], sys.argv[3])
    else:
        make(pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
