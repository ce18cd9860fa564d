#!/usr/bin/python3
"""Hostile objects and floods for soak.sh. Shares no code with the gateway.

soak.py object KIND PATH [SEED]     write a hostile tenant's file (or directory, or FIFO) to PATH
soak.py kinds                       list all kinds of objects: KIND DIRECTORY (policies or inventory)
soak.py flood INTERFACE MAC KIND COUNT SEED
                                    send frames to the gateway with that MAC; print how many were sent
soak.py floods                      list all kinds of floods: KIND SIDE (pods or wire)
soak.py listen ADDRESS PORT         print every datagram that arrives, forever
soak.py explain DROPS EVENTS        print each reason in DROPS (lines NAME COUNT) with the events of EVENTS
                                    (lines NAME) that explain it; exit status 1 if none does"""
import os
import random
import socket
import struct
import sys

POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: mallory}
spec:
"""
POD = """apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: mallory, labels: {app: %s}}
spec: {nodeName: node-a}
status: {phase: Running, podIP: %s, podIPs: [{ip: %s}]}
"""


# --- objects: name -> (directory, function of a random generator that returns text)

def single_ports(rng):
    step = rng.choice((2, 3))
    ports = ", ".join("{port: %d}" % port for port in range(1, 1 + step * 16000, step) if port < 65536)
    return POLICY % "ports" + "  podSelector: {}\n  ingress: [{ports: [%s]}]\n" % ports


def exceptions(rng):
    blocks = ", ".join("10.%d.%d.%d/32" % (n >> 16 & 255, n >> 8 & 255, n & 255)
                       for n in rng.sample(range(1 << 24), 20000))
    return POLICY % "except" + ("  podSelector: {}\n  policyTypes: [Egress]\n"
                                "  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [%s]}}]}]\n" % blocks)


def empty_policies(_):
    return "---\n".join(POLICY % f"empty-{n}" + "  podSelector: {matchLabels: {app: bad}}\n" for n in range(2000))


def fixed(text):
    return lambda rng: text


def deep(rng):
    return POLICY % "deep" + "  podSelector: " + "[" * rng.randrange(100, 100000)


def aliases(_):
    return "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        "%c: &%c [%s]\n" % (c, c, ", ".join("*" + chr(ord(c) - 1) for _ in range(9))) for c in "bcdefghi")


def truncated(rng):
    text = POLICY % "cut" + "  podSelector: {matchLabels: {app: bad}}\n  ingress: [{from: [{podSelector: {matchLabels: {a: 'b"
    return text[:rng.randrange(len(text) - 30, len(text))]


def noise(rng):
    return bytes(rng.randrange(256) for _ in range(4096))


def many_pods(rng):
    return "---\n".join(POD % (f"p{n}", "x", *("10.244.1.%d" % rng.randrange(100, 200),) * 2) for n in range(500))


RULE = "  podSelector: {matchLabels: {app: bad}}\n"
OBJECTS = {
    "single_ports": ("policies", single_ports),
    "exceptions": ("policies", exceptions),
    "empty_policies": ("policies", empty_policies),
    "misspelt_kind": ("policies", fixed(POLICY.replace("NetworkPolicy", "NetworkPolcy") % "kind" + RULE)),
    "wrong_version": ("policies", fixed(POLICY.replace("/v1", "/v1beta9") % "version" + RULE)),
    "cilium": ("policies", fixed("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
                                 "metadata: {name: c, namespace: mallory}\nspec: {endpointSelector: {}}\n")),
    "unknown_field": ("policies", fixed(POLICY % "field" + RULE + "  ingres: []\n")),
    "empty_peer": ("policies", fixed(POLICY % "peer" + RULE + "  ingress: [{from: [{}]}]\n")),
    "null_key": ("policies", fixed(POLICY % "null" + "  podSelector: {matchExpressions: [{key: null, operator: Exists}]}\n")),
    "octal_port": ("policies", fixed(POLICY % "octal" + RULE + "  ingress: [{ports: [{port: 0120}]}]\n")),
    "namepsace": ("policies", fixed((POLICY % "typo").replace("namespace:", "namepsace:") + RULE)),
    "deep": ("policies", deep),
    "aliases": ("policies", aliases),
    "truncated": ("policies", truncated),
    "noise": ("policies", noise),
    "nothing": ("policies", fixed("")),
    "fifo": ("policies", None),
    "loop": ("policies", None),
    "status": ("inventory", fixed("apiVersion: v1\nkind: Status\nstatus: Failure\nmessage: Unauthorized\ncode: 401\n")),
    "stolen_address": ("inventory", fixed(POD % ("thief", "bad", "10.244.1.3", "10.244.1.3"))),
    "bad_address": ("inventory", fixed(POD % ("bad", "bad", "10.244.1.999", "10.244.1.999"))),
    "many_pods": ("inventory", many_pods),
}


def write_object(kind, path, seed):
    if kind == "fifo":
        os.mkfifo(path)
        return
    if kind == "loop":
        os.mkdir(path[:-len(".yaml")])
        os.symlink(".", path[:-len(".yaml")] + "/again")
        return
    content = OBJECTS[kind][1](random.Random(seed))
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


# --- floods

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip4(source, dest, proto, payload, frag=0, ttl=64, options=b"", length=None):
    ihl = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, length or ihl * 4 + len(payload),
                       rng.randrange(65536), frag, ttl, proto, 0, source, dest) + options
    return b"\x08\x00" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(source, dest, proto, payload, hops=64):
    return b"\x86\xdd" + struct.pack("!IHBB16s16s", 6 << 28, len(payload), proto, hops, source, dest) + payload


def udp(size=20, port=None):
    return struct.pack("!HHHH", rng.randrange(1024, 65536), port or rng.randrange(1, 65536), 8 + size, 0) + bytes(size)


def tcp(flags):
    return struct.pack("!HHIIBBHHH", rng.randrange(1024, 65536), rng.randrange(1, 65536),
                       rng.getrandbits(32), rng.getrandbits(32), 5 << 4, flags, 1024, 0, 0)


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


MALLORY, SERVER = address("10.244.1.3"), address("10.244.2.2")
GATEWAY, FAR, WIRE_A, WIRE_B = (address(a) for a in ("10.244.1.1", "10.244.2.9", "192.0.2.1", "192.0.2.2"))
SIX, SIX_SERVER = address("fd00:1::3"), address("fd00:2::2")


def esp(spi):
    return struct.pack("!II", spi, rng.getrandbits(32)) + rng.randbytes(rng.choice((40, 64, 200)))


# name -> (side, the reasons for which such frames may be dropped, function that makes one)
FLOODS = {
    "syn": ("pods", "policy_ingress",
        lambda: ip4(MALLORY, SERVER, 6, tcp(2))),
    "tcp_noise": ("pods", "policy_ingress",
        lambda: ip4(MALLORY, SERVER, 6, tcp(rng.randrange(64)))),
    "one_way_udp": ("pods", "policy_ingress",
        lambda: ip4(MALLORY, SERVER, 17, udp())),
    "denied_port": ("pods", "policy_ingress",
        lambda: ip4(MALLORY, SERVER, 17, udp(port=9))),
    "unknown_source": ("pods", "unknown_pod",
        lambda: ip4(bytes((10, 244, 1, rng.randrange(20, 250))), SERVER, 17, udp(port=9))),
    "unknown_dest": ("pods", "unknown_pod",
        lambda: ip4(MALLORY, bytes((10, 244, 2, rng.randrange(20, 250))), 17, udp())),
    "peers_source": ("pods", "plain_from_peer",
        lambda: ip4(FAR, SERVER, 17, udp(port=9))),
    "gateways_source": ("pods", "own_source",
        lambda: ip4(GATEWAY, SERVER, 17, udp(port=9))),
    "foreign_source": ("pods", "source_check martian multicast link_local own_source",
        lambda: ip4(rng.randbytes(4), SERVER, 17, udp(port=9))),
    "source_route": ("pods", "ip4_source_route",
        lambda: ip4(MALLORY, SERVER, 17, udp(), options=b"\x83\x07\x04\x0a\xf4\x02\x03\x00")),
    "zero_option": ("pods", "policy_ingress",
        lambda: ip4(MALLORY, SERVER, 17, udp(1400), options=b"\x07\x00\x00\x00")),
    "routing_header": ("pods", "ip6_routing_0",
        lambda: ip6(SIX, SIX_SERVER, 43, bytes((17, 2, 0, 1)) + bytes(4) + SIX_SERVER + udp())),
    "last_ttl": ("pods", "policy_ingress ttl_expired",
        lambda: ip4(MALLORY, SERVER, 17, udp(), ttl=1)),
    "far_fragment": ("pods", "fragment_oversize",
        lambda: ip4(MALLORY, SERVER, 17, udp(64), frag=0x1FFF)),
    "fragments": ("pods", "policy_ingress fragment_orphan fragment_overlap fragment_oversize",
        lambda: ip4(MALLORY, SERVER, 17, udp(64), frag=rng.randrange(0x4000))),
    "too_big": ("pods", "policy_ingress too_big",
        lambda: ip4(MALLORY, SERVER, 17, udp(1360), frag=0x4000)),
    "multicast": ("pods", "multicast",
        lambda: ip4(MALLORY, address("224.0.0.5"), 89, bytes(40))),
    "icmp": ("pods", "policy_ingress",
        lambda: ip4(MALLORY, SERVER, 1, bytes((rng.randrange(20), rng.randrange(4))) + rng.randbytes(30))),
    "echo_gateway": ("pods", "echo_rate",
        lambda: ip4(MALLORY, GATEWAY, 1, b"\x08\x00\xf7\xff" + bytes(4))),
    "noise": ("pods", "bad_ip_header bad_ip_length bad_ip_checksum bad_discovery not_ip multicast",
        lambda: rng.choice((b"\x08\x00", b"\x86\xdd", b"\x08\x06", b"\x81\x00")) + rng.randbytes(60)),
    "bad_length": ("pods", "bad_ip_length bad_ip_header short_l4 policy_ingress",
        lambda: ip4(MALLORY, SERVER, 17, udp(), length=rng.randrange(65536))),
    "esp_noise": ("wire", "esp_auth esp_short esp_replay_old esp_replay_seen",
        lambda: ip4(WIRE_B, WIRE_A, 50, esp(0x2001))),
    "esp_unknown": ("wire", "esp_unknown_spi",
        lambda: ip4(WIRE_B, WIRE_A, 50, esp(rng.randrange(256, 1 << 32)))),
    "esp_fragments": ("wire", "reassembly_full reassembly_timeout reassembly_overlap reassembly_duplicate reassembly_bad",
        lambda: ip4(WIRE_B, WIRE_A, 50, rng.randbytes(512), frag=0x2000 | rng.randrange(100))),
    "esp_stranger": ("wire", "esp_wrong_peer martian multicast link_local",
        lambda: ip4(rng.randbytes(4), WIRE_A, 50, esp(0x2001))),
    "plain": ("wire", "plain_on_encrypted",
        lambda: ip4(SERVER, address("10.244.1.2"), 17, udp(port=9))),
    "forged_mtu": ("wire", "path_mtu_forged path_mtu_rate martian multicast link_local",
        lambda: ip4(rng.randbytes(4), WIRE_A, 1, icmp_too_big())),
}


def icmp_too_big():
    quote = ip4(WIRE_A, WIRE_B, 50, struct.pack("!II", 0x1001, rng.randrange(1, 2000)), length=1400)[2:]
    body = struct.pack("!BBHHH", 3, 4, 0, 0, 576) + quote
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def flood(interface, mac, kind, count):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    head = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000166")
    make, sent = FLOODS[kind][2], 0
    for _ in range(count):
        try:
            wire.send((head + make()).ljust(60, b"\0"))
            sent += 1
        except OSError:  # too long for the interface, or its queue is full
            pass
    print(sent)


def listen(where, port):
    s = socket.socket(socket.AF_INET6 if ":" in where else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((where, port))
    print("ready", flush=True)
    while True:
        data, source = s.recvfrom(65535)
        print("got", len(data), "bytes from", source, flush=True)


# Other events of soak.sh, and the reasons they may cause. `wire` is any flood on that side: the socket of the
# gateway on the sending side receives its frames too.
OTHERS = {
    "object": "policy_ingress policy_egress unknown_pod",
    "reload": "",
    "restart": "neighbor_pending_full neighbor_failed no_neighbor link_down esp_replay_old",
    "wire": "not_our_mac",
    "always": "multicast link_local tx_full neighbor_pending_full",
}


def explain(drops, events):
    happened = {line.strip() for line in open(events)} | {"always"}
    reasons = {name: row[1] for name, row in FLOODS.items()} | OTHERS
    counts, faults = {}, 0
    for line in open(drops):
        name, count = line.split()
        counts[name] = counts.get(name, 0) + int(count)
    for name, count in sorted(counts.items()):
        causes = [event for event in sorted(happened) if name in reasons[event].split()]
        faults += not causes
        print(f"  {name:24} {count:10}  {', '.join(causes) or 'NO EVENT EXPLAINS IT'}")
    sys.exit(1 if faults else 0)


verb = sys.argv[1]
if verb == "object":
    write_object(sys.argv[2], sys.argv[3], int(sys.argv[4]))
elif verb == "kinds":
    for name, (directory, _) in OBJECTS.items():
        print(name, directory)
elif verb == "floods":
    for name, (side, _, _) in FLOODS.items():
        print(name, side)
elif verb == "flood":
    rng = random.Random(int(sys.argv[6]))
    flood(*sys.argv[2:5], int(sys.argv[5]))
elif verb == "listen":
    listen(sys.argv[2], int(sys.argv[3]))
elif verb == "explain":
    explain(*sys.argv[2:4])
else:
    sys.exit(__doc__)
