#!/usr/bin/env python3
"""Write the seeds of fuzz_parse, fuzz_esp_in, fuzz_flow, fuzz_neigh, fuzz_exception, fuzz_path and
fuzz_burst into corpus/: packets of every form that the parser accepts, ESP payloads of every type,
message sequences, and bursts of AEAD packets."""
import ipaddress
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / 'corpus'
MACS = bytes.fromhex('020000000001' '020000000101')


def checksum(data):
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def ip4(src, dst, proto, payload, frag=0, tos=0, ttl=64, options=b''):
    header = struct.pack('>BBHHHBBH', 0x45 + len(options) // 4, tos,
                         20 + len(options) + len(payload), 7, frag, ttl, proto, 0)
    header += ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed + options
    return header[:10] + struct.pack('>H', checksum(header)) + header[12:] + payload


def ip6(src, dst, proto, payload, tc=0, hops=64):
    return (struct.pack('>IHBB', 6 << 28 | tc << 20, len(payload), proto, hops) +
            ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed + payload)


def ext(nxt):
    return bytes([nxt, 0, 1, 4, 0, 0, 0, 0])


TCP = bytes.fromhex('1234005000000001000000025010040000000000')
UDP = bytes.fromhex('1234003500080000')
SCTP = bytes.fromhex('12341f900000000100000000')
ECHO = bytes.fromhex('08000000abcd0001')
AH = bytes.fromhex('1104000000000001000000020001020304050607' '08090a0b')
A4, B4, A6, B6 = '10.2.0.9', '10.1.0.5', 'fd00:2::9', 'fd00:1::5'

PACKETS = {
    'tcp4': ip4(A4, B4, 6, TCP),
    'udp4': ip4(A4, B4, 17, UDP),
    'sctp4': ip4(A4, B4, 132, SCTP),
    'icmp4': ip4(A4, B4, 1, ECHO),
    'options4': ip4(A4, B4, 17, UDP, options=b'\1\1\1\0'),
    'first4': ip4(A4, B4, 17, UDP, frag=0x2000),
    'later4': ip4(A4, B4, 17, b'x' * 9, frag=0x2001),
    'tcp6': ip6(A6, B6, 6, TCP),
    'udp6': ip6(A6, B6, 17, UDP),
    'hop6': ip6(A6, B6, 0, ext(60) + ext(43) + ext(17) + UDP),
    'ah6': ip6(A6, B6, 51, AH + UDP),
    'first6': ip6(A6, B6, 44, bytes.fromhex('110000010000beef') + UDP),
    'later6': ip6(A6, B6, 44, bytes.fromhex('110000090000beef') + UDP),
    'atomic6': ip6(A6, B6, 44, bytes.fromhex('110000000000beef') + UDP),
    'ends6': ip6(A6, B6, 59, b''),
}


def frame(packet, tags=b''):
    kind = b'\x08\x00' if packet[0] >> 4 == 4 else b'\x86\xdd'
    return MACS + tags + kind + packet


def trailer(packet, nxt=None):
    pad = -(len(packet) + 2) % 4
    if nxt is None:
        nxt = 4 if packet[0] >> 4 == 4 else 41
    return packet + bytes(range(1, pad + 1)) + bytes([pad, nxt])


def esp(spi=0x2002, src='192.0.2.2', dst='192.0.2.1'):
    body = struct.pack('>IIQ', spi, 1, 99) + bytes(48)
    return ip4(src, dst, 50, body)


def arp(op, mac, sender, target, to=b'\xff' * 6, target_mac=bytes(6)):
    return (to + mac + struct.pack('>HHHBBH', 0x0806, 1, 0x0800, 6, 4, op) + mac +
            ipaddress.ip_address(sender).packed + target_mac + ipaddress.ip_address(target).packed)


def nd(kind, flags, mac, src, dst, target, to):
    option = bytes([2 if kind == 136 else 1, 1]) + mac
    body = struct.pack('>BBHI', kind, 0, 0, flags) + ipaddress.ip_address(target).packed + option
    return to + mac + b'\x86\xdd' + ip6(src, dst, 58, body, hops=255)


def step(kind, data):
    return bytes([kind, len(data)]) + data


def neighbor_messages():
    """Message sequences for fuzz_neigh: kinds 0 and 1 are frames on that port, 2 and 3 the same with
    correct checksums, 4 resolves a neighbour, 5 advances the clock."""
    pod, evil, gateway = (bytes.fromhex(m) for m in ('020000000100', '026600000001', '020000000000'))
    look4, look6, second = step(4, b'\5\0'), step(4, b'\5\1'), step(5, b'\x0a')
    answer4 = step(0, arp(2, pod, '10.1.0.5', '10.1.0.1', gateway, gateway))
    answer6 = step(2, nd(136, 0x60000000, pod, B6, 'fd00:1::1', B6, gateway))
    all_nodes = bytes.fromhex('333300000001')
    return {
        'resolve4': look4 + answer4 + look4,
        'resolve6': look6 + answer6 + look6,
        'ask4': step(0, arp(1, pod, '10.1.0.5', '10.1.0.1')),
        'ask6': step(2, nd(135, 0, pod, B6, 'ff02::1:ff00:1', 'fd00:1::1',
                           bytes.fromhex('3333ff000001'))),
        'ask_wire': step(1, arp(1, pod, '192.0.2.2', '192.0.2.1')),
        'spoof4': look4 + answer4 + step(0, arp(1, evil, '10.1.0.5', '10.1.0.5')) + second * 4 + look4,
        'spoof6': look6 + answer6 + step(2, nd(136, 0x20000000, evil, B6, 'ff02::1', B6, all_nodes)),
        'stale4': look4 + answer4 + step(5, b'\xff') * 2 + look4 + step(0, arp(1, evil, '10.1.0.5',
                                                                          '10.1.0.5')),
        'failed': look4 + second * 5,
        'duplicate': step(0, arp(1, evil, '10.1.0.1', '10.1.0.1')),
        'probe': step(0, arp(1, evil, '0.0.0.0', '10.1.0.1')),
    }


def exceptions():
    """Frames for fuzz_exception. kind / 2: 0 and 1 from the kernel device of the clear and of the
    encrypted port, 2 from pods, 3 from the wire; odd kinds get a correct checksum."""
    far4, far6 = '192.0.2.2', '2001:db8::2'
    own4, own6 = ('10.1.0.1', '192.0.2.1'), ('fd00:1::1', '2001:db8::1')
    ike = struct.pack('>HHHH', 500, 500, 28, 0) + bytes(20)
    marked = struct.pack('>HHHH', 4500, 4500, 28, 0) + bytes(20)
    keepalive = struct.pack('>HHHH', 4500, 4500, 9, 0) + b'\xff'
    mac = bytes.fromhex('020000000001')
    for name, body in (('ike', ike), ('marked', marked), ('keepalive', keepalive), ('tcp', TCP)):
        proto = 6 if name == 'tcp' else 17
        for v6, (own, far, pod, remote) in enumerate(((own4, far4, B4, A4), (own6, far6, B6, A6))):
            make = ip6 if v6 else ip4
            yield f'{name}_out{v6}', step(3, frame(make(own[1], far, proto, body)))
            yield f'{name}_in{v6}', step(7, frame(make(far, own[1], proto, body)))
            yield f'{name}_pod{v6}', step(5, frame(make(pod, own[0], proto, body)))
            yield f'{name}_to_pod{v6}', step(1, frame(make(own[0], pod, proto, body)))
            yield f'{name}_tunnel{v6}', step(1, frame(make(own[0], remote, proto, body)))
            yield f'{name}_leak{v6}', step(3, frame(make(own[1], remote, proto, body)))
    yield 'echo', step(7, frame(ip4(far4, own4[1], 1, ECHO)))
    yield 'arp', step(2, arp(1, mac, '192.0.2.1', '192.0.2.9'))
    yield 'nd', step(2, nd(135, 0, mac, own6[1], 'ff02::1:ff00:9', '2001:db8::9',
                           bytes.fromhex('3333ff000009')))


def path_steps():
    """Steps for fuzz_path: eight bytes each."""
    def piece(way, which, start, size, flags=0, place=0):
        return struct.pack('>BBHHBB', way, which, start, size, flags, place)

    def too_big(way, mtu, quoted, at=0, mask=0):
        return struct.pack('>BHBBBBB', 12 | way, mtu, quoted, at, mask, 0, 0)

    for way in (0, 1):
        whole = [piece(way, 1, at, 512) for at in range(0, 1985, 512)]
        yield f'forward{way}', b''.join(whole)
        yield f'backward{way}', b''.join(reversed(whole))
        yield f'overlap{way}', whole[0] + piece(way, 1, 504, 512) + whole[1]
        yield f'copy{way}', whole[0] + whole[0] + whole[1]
        yield f'time{way}', whole[0] + bytes([14 | way, 0, 0, 0, 0, 0, 0, 0]) + whole[1]
        yield f'far{way}', piece(way, 2, 0, 512, 2, 255)
        yield f'large{way}', whole[0] + piece(way, 3, 512, 2048, 4, 40) + piece(way, 2, 512, 512, 4, 250)
        yield f'options{way}', piece(way, 1, 512, 512, 4, 255) + piece(way, 1, 0, 512, 0xa0)
        yield f'ends{way}', whole[3] + piece(way, 1, 512, 512, 1)
        yield f'true{way}', too_big(way, 1300, 60)
        yield f'low{way}', too_big(way, 100, 60)
        yield f'forged{way}', too_big(way, 1300, 60, 28 + 20 * way, 1)


def write(folder, name, data):
    (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    (CORPUS / folder / name).write_bytes(data)


# fuzz_flow's records of eight bytes; see take_record() there.
TCP_, UDP_, SCTP_, ECHO_, GRE_, V6 = 0, 1, 2, 3, 4, 8
SYN, SYN_ACK, ACK, FIN, RST = 0, 1, 2, 3, 4
FLUSH, BACK = bytes([4, 0, 0, 0, 0, 0, 0, 0]), 5
FIRST, LATER = 0xc0, 0x80


def reload(policy, keep=0):
    return bytes([0, policy, keep, 0, 0, 0, 0, 0])


def opens(proto, port, flags=0, ends=0x10, frag=0, offset=0):
    return bytes([15, ends, proto, 2 | port << 2, flags, frag, offset, 0])


def back(flags=0, frag=None):
    return bytes([BACK, flags, frag is not None, frag or 0, 0, 0, 0, 0])


def error(ends, cut=255):
    return bytes([2, ends, cut, 0, 0, 0, 0, 0])


def conversations():
    for name, six in (('4', 0), ('6', V6)):
        tcp = opens(TCP_ | six, 1, SYN) + FLUSH + back(SYN_ACK) + back(ACK) + FLUSH
        yield 'tcp' + name, tcp + back(SYN) + back(FIN) + back(FIN) + FLUSH + back(SYN)
        yield 'called_back' + name, tcp + back(ACK) + FLUSH + back(ACK) + back(SYN) + FLUSH
        yield 'reload' + name, tcp + reload(3) + back(ACK) + back(ACK) + FLUSH + reload(1) + back(ACK)
        yield 'keep' + name, tcp + reload(3, 1) + back(ACK) + back(ACK) + FLUSH + back(SYN)
        yield 'udp' + name, opens(UDP_ | six, 2) + back() + FLUSH + back() + back() + error(0x10) + error(0x01)
        yield 'sctp' + name, opens(SCTP_ | six, 3, 1) + back(2) + FLUSH + back(10) + back(1) + back(7)
        yield 'echo' + name, reload(2) + opens(ECHO_ | six, 0, 0) + FLUSH + back(1) + back(0) + back(0) + FLUSH
        yield 'gre' + name, reload(2) + opens(GRE_ | six, 0) + back() + FLUSH + back()
        yield 'fragments' + name, (opens(UDP_ | six, 2, 0, 0x10, FIRST) + opens(UDP_ | six, 2, 0, 0x10, LATER, 5) +
                                   opens(UDP_ | six, 2, 0, 0x10, LATER, 2) + FLUSH + reload(3) +
                                   opens(UDP_ | six, 2, 0, 0x10, LATER, 9) + FLUSH)
        yield 'errors' + name, tcp + back(ACK) + error(0x01) + error(0x10) + error(0x71, 28) + back(ACK) + error(0x70) + FLUSH
        yield 'aged' + name, tcp + bytes([1, 255, 0, 0, 0, 0, 0, 0]) + back(ACK) + FLUSH


def bursts():
    """Inputs of fuzz_burst: see read_packet() there. Each yields n packets of one mixture."""
    def packet(key, length, flags=0, at=0, mask=0, seed=7):
        return struct.pack('<BHBHBB', key, length, flags, at, mask, seed)

    text, icv, aad, esn = 0x10, 0x20, 0x30, 1
    for length in (0, 1, 16, 52, 63, 64, 65, 100, 300, 575, 576, 704, 705, 1400, 1600):
        yield f'equal{length}', b'\xff' + packet(0, length) * 8
        yield f'keys{length}', b'\xff' + b''.join(packet(k, length, esn * (k & 1)) for k in range(32))
    imix = [52] * 7 + [556] * 4 + [1386]
    yield 'imix', b'\xff' + b''.join(packet(3 * i, imix[i % 12], i & 1) for i in range(64))
    yield 'lengths', b'\xff' + b''.join(packet(9, 25 * i, 8) for i in range(64))
    yield 'off', b'\0' + packet(0, 52) * 8
    yield 'limit', b'\4' + packet(0, 64) * 4 + packet(0, 65) * 4
    yield 'two', b'\xff' + packet(0, 52) * 2 + packet(9, 52) * 2
    for name, place in (('text', text), ('icv', icv), ('aad', aad)):
        yield name, b'\xff' + (packet(0, 100, place, 7, 1) + packet(9, 100) + packet(9, 90, place | esn, 9, 128)) * 12


def main():
    for name, data in bursts():
        write('burst', name, data)
    for name, records in conversations():
        write('flow', name, records)
    for name, talk in neighbor_messages().items():
        write('neigh', name, talk)
    for name, talk in exceptions():
        write('exception', name, talk)
    for name, steps in path_steps():
        write('path', name, steps)
    for name, packet in PACKETS.items():
        write('parse', name, packet)
        write('parse', 'frame_' + name, frame(packet))
        # How: 1 sealed, 2 spoiled at an offset by a mask; then TOS and sequence number.
        write('esp_in', 'sealed_' + name, b'\1' + b'\0\0\1' + trailer(packet))
        write('esp_in', 'udp_' + name, b'\x22' + b'\0\0\1' + trailer(packet))
        write('esp_in', 'ce_' + name, b'\1' + b'\3\0\1' + trailer(packet))
    udp = PACKETS['udp4']
    write('parse', 'vlan', frame(udp, bytes.fromhex('81000064')))
    write('parse', 'qinq', frame(udp, bytes.fromhex('88a8000181000064')))
    write('esp_in', 'raw_esp', b'\0' + frame(esp()))
    write('esp_in', 'raw_spi', b'\0' + frame(esp(spi=0x9999)))
    write('esp_in', 'raw_peer', b'\0' + frame(esp(src='192.0.2.3')))
    write('esp_in', 'raw_plain', b'\0' + frame(udp))
    write('esp_in', 'spoiled_seq', b'\2' + b'\0\x29\1' + b'\0\0\1' + trailer(udp))
    write('esp_in', 'dummy', b'\1' + b'\0\0\1' + trailer(bytes(40), 59))
    write('esp_in', 'next_header', b'\1' + b'\0\0\1' + trailer(udp, 17))
    write('esp_in', 'tfc', b'\1' + b'\0\0\1' + trailer(udp + bytes(50)))
    write('esp_in', 'source', b'\1' + b'\0\0\1' + trailer(ip4('10.9.9.9', B4, 17, UDP)))
    write('esp_in', 'back', b'\1' + b'\0\0\1' + trailer(ip4(A4, '10.2.0.8', 17, UDP)))
    write('esp_in', 'ttl', b'\1' + b'\0\0\1' + trailer(ip4(A4, B4, 17, UDP, ttl=1)))


if __name__ == '__main__':
    main()
