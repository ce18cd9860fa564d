"""What the benchmarks run: a cluster, connections that its policies allow, captures, keys, configurations.

The cluster is that of tests/bench/bench_cluster.c: 10,000 pods in 200 namespaces with 5,000 policies. Pods come
in blocks of eight addresses: the first four are behind our clear port, the last four behind a peer. A
connection is between the two halves of a block within one namespace, whose policies allow that."""
import os
import random
import socket
import struct
import subprocess

PODS, A_NAMESPACE, A_BLOCK = 10_000, 50, 8
BLOCKS = PODS // A_BLOCK
DPORTS = (80, 443, 5432, 6379, 8080, 9090)
# Frames without FCS. IMIX: so that another gateway can forward the same capture without fragmenting.
SIZES = {"64": [64], "IMIX": [64] * 7 + [570] * 4 + [1400], "1400": [1400]}
CONNECTIONS = {"64": 8192, "IMIX": 256, "1400": 256}
POD_MAC, PORT_MAC = bytes.fromhex("020000000102"), bytes.fromhex("027063617000")
TCP, UDP = 6, 17
ENDS = "192.0.2.1", "192.0.2.2"
POLICY = """policy:
  inventory: [inventory.json]
  dirs: [policies]
  max_connections: 2097152
"""


def pod_address(pod):
    return bytes([10, 64 + (pod >> 16), pod >> 8 & 255, pod & 255])


def subnet(block, far):
    """One half of a block."""
    return socket.inet_ntoa(pod_address(A_BLOCK * block + (A_BLOCK // 2 if far else 0))) + "/30"


def pairs(n_blocks):
    """Pods of the near and the far half of a block, of one namespace."""
    half = A_BLOCK // 2
    for block in range(n_blocks):
        first = A_BLOCK * block
        for near in range(first, first + half):
            for far in range(first + half, first + A_BLOCK):
                if near // A_NAMESPACE == far // A_NAMESPACE:
                    yield near, far


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(src, dst, length, proto):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 1, 0x4000, 64, proto, 0, src, dst)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:]


def tcp(src, dst, sport, dport, size):
    """An acknowledgement with data, the same each time."""
    data = struct.pack(">HHIIBBHHH", sport, dport, 1001, 5001, 5 << 4, 0x18, 512, 0, 0) + bytes(size - 20)
    pseudo = src + dst + struct.pack(">HH", TCP, size)
    return data[:16] + struct.pack(">H", checksum(pseudo + data + bytes(size % 2))) + data[18:]


def frame(size, connection):
    proto, src, dst, sport, dport = connection
    if proto == TCP:
        data = tcp(src, dst, sport, dport, size - 34)
    else:
        data = struct.pack(">HHHH", sport, dport, size - 34, 0) + bytes(size - 42)
    return PORT_MAC + POD_MAC + b"\x08\x00" + ipv4(src, dst, size - 14, proto) + data


def connections(n, n_blocks, protocols):
    """n different ones, over all the blocks. Odd and even ones alternate between the protocols."""
    among = list(pairs(n_blocks))
    random.Random(1).shuffle(among)
    for i in range(n):
        near, far = among[i % len(among)]
        yield (protocols[i % len(protocols)], pod_address(near), pod_address(far), 20000 + i // len(among),
               DPORTS[i % len(DPORTS)])


def write_pcap(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for data in frames:
            out.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)


def sizes_of(size, n):
    """The lengths of n frames, in random order."""
    mixed = [SIZES[size][i % len(SIZES[size])] for i in range(n)]
    random.Random(2).shuffle(mixed)
    return mixed


def capture(size, n, n_sas, protocols):
    """One packet of each of n connections, in random order. Returns frames."""
    mixed = sizes_of(size, n)
    rng = random.Random(3)
    frames = [frame(*pair) for pair in zip(mixed, connections(n, n_blocks(n_sas), protocols))]
    rng.shuffle(frames)
    return frames


def n_blocks(n_sas):
    return n_sas if n_sas > 1 else BLOCKS


def write_keys(espgate, folder, suite, n):
    """Like keygen, for n files at once: lines of the same lengths."""
    example = subprocess.run([espgate, "keygen", suite, "-"], check=True, capture_output=True, text=True).stdout
    os.makedirs(folder, exist_ok=True)
    for i in range(n):
        with os.fdopen(os.open(f"{folder}/{i}.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.writelines(os.urandom(len(line) // 2).hex() + "\n" for line in example.split())


def peer(i, suite, n_sas, near, keys, window):
    """One peer, which has all blocks or block i. near: this is the gateway of the near pods."""
    local, remote = ENDS if near else ENDS[::-1]
    blocks = range(BLOCKS) if n_sas == 1 else [i]
    subnets = ", ".join(subnet(block, near) for block in blocks)
    text = f"  p{i}:\n    local: {local}\n    remote: {remote}\n    subnets: [{subnets}]\n    sas:\n"
    for to_far in (True, False):
        out = to_far == near
        spi, key = (0x1001 + i, 2 * i) if to_far else (0x100001 + i, 2 * i + 1)
        text += f"      - {{dir: {'out' if out else 'in'}, spi: {spi}, suite: {suite}, " \
                f"key_file: {keys}/{key}.key{'' if out else f', replay_window: {window}'}}}\n"
    return text


def config(suite, n_sas, near, keys, pods="none", uplink="none", window=1024, policy=True, multi_packet=True,
           lcores=None, cache=True):
    """The gateway of the near pods, or of the far ones, with n_sas peers."""
    remote = ENDS[near]
    return f"""version: 1
ports:
  pods: {{device: "net_pcap0,{pods}", role: clear, mtu: 1600, promiscuous: true}}
  uplink: {{device: "net_pcap1,{uplink}", role: encrypted, mtu: 1600, promiscuous: true}}
workers: {{{f'lcores: "{lcores}", ' if lcores else ""}forwarding_cache: {"on" if cache else "off"}}}
crypto: {{multi_packet: {"auto" if multi_packet else "off"}}}
neighbors:
  - {{port: uplink, ip: {remote}, mac: "02:00:00:00:00:02"}}
  - {{port: pods, ip: 10.0.0.2, mac: "02:00:00:00:00:03"}}
routes: [{{to: 10.64.0.0/16, via: 10.0.0.2}}]
state_dir: state-{"near" if near else "far"}
{POLICY if policy else ""}peers:
""" + "".join(peer(i, suite, n_sas, near, keys, window) for i in range(n_sas))


def write_objects(program, folder):
    os.makedirs(f"{folder}/policies", exist_ok=True)
    for kind, path in (("inventory", "inventory.json"), ("policies", "policies/policies.json")):
        with open(f"{folder}/{path}", "w", encoding="ascii") as out:
            subprocess.run([program, str(PODS), kind], check=True, stdout=out)
