#!/usr/bin/python3
"""Watch ESP on the wire and check that nothing is used twice: for each SPI, sequence numbers and IVs only
increase. A sender with one worker sends them in order, so a repeated one is not larger than the last.

  tcpdump -w - -s 50 ... | esp_watch.py STATUS

Expects untagged IPv4 without options and IVs of 8 bytes. The number of packets seen so far is written to
the file STATUS, and totals are printed at the end of the input. Exit status 1 if a number did not
increase."""
import collections
import struct
import sys

SNAPLEN = 50  # Ethernet, IPv4, ESP header, IV
HEADS = struct.Struct(">34xIIQ")


class Sa:
    def __init__(self):
        self.packets, self.seq, self.iv = 0, 0, 0

    def accept(self, low, iv):
        """False if the sequence number or IV did not increase."""
        seq = self.seq & ~0xFFFFFFFF | low
        if self.seq - seq > 1 << 31:  # ESN: the low half wrapped (RFC 4303 s2.2.1)
            seq += 1 << 32
        if seq <= self.seq or iv <= self.iv:
            return False
        self.packets, self.seq, self.iv = self.packets + 1, seq, iv
        return True


def main():
    stream, sas, faults = sys.stdin.buffer, collections.defaultdict(Sa), 0
    magic = stream.read(24)[:4]
    if magic not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
        sys.exit(f"not a capture: {magic!r}")
    with open(sys.argv[1], "w", encoding="ascii") as status:
        rest = b""
        while chunk := stream.read1(1 << 20):
            chunk = rest + chunk
            whole = len(chunk) - len(chunk) % (16 + SNAPLEN)
            for at in range(16, whole, 16 + SNAPLEN):
                spi, low, iv = HEADS.unpack_from(chunk, at)
                if not sas[spi].accept(low, iv):
                    faults += 1
                    if faults < 10:
                        print(f"SPI {spi:#x}: {low} with IV {iv} after {sas[spi].seq} with IV "
                              f"{sas[spi].iv}")
            rest = chunk[whole:]
            status.seek(0)
            status.write(f"{sum(sa.packets for sa in sas.values())} packets\n")
            status.flush()
    for spi, sa in sorted(sas.items()):
        print(f"SPI {spi:#x}: {sa.packets} packets seen, up to sequence number {sa.seq}")
    print(f"{sum(sa.packets for sa in sas.values())} packets, {faults} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
