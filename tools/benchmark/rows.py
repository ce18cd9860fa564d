"""The rows that tools/bench measures, and their targets. A row is one figure; a job measures one or several rows
at once, in one run of one program."""
import dataclasses
import math

from . import world

SUITE, CBC, CHACHA = "aes128gcm16", "aes128-sha256", "chacha20poly1305"
MANY = 1_000_000
WARM = 200  # rounds that no figure counts in, in bench_path: too few to be a measurement

# The path's ns minus the devices', divided by raw IPsec-MB's in the same run.
TARGETS = {
    "path encrypt 64": 1.5, "path encrypt IMIX": 1.45, "path encrypt 1400": 1.45,
    "path encrypt 64, 1000 SAs": 1.75,
    "path decrypt 64": 1.7, "path decrypt IMIX": 1.75, "path decrypt 1400": 1.5,
    "path decrypt 64, 1000 SAs": 2.1,
    "path encrypt 64, multi_packet off": 2.3, "path encrypt IMIX, multi_packet off": 1.75,
    "path encrypt 1400, multi_packet off": 1.4, "path encrypt 64, 1000 SAs, multi_packet off": 2.4,
    f"path encrypt 1400, {CBC}": 1.12, f"path encrypt 1400, {CHACHA}": 1.12,
    f"path decrypt 1400, {CBC}": 1.12, f"path decrypt 1400, {CHACHA}": 1.12,
}


@dataclasses.dataclass(frozen=True)
class Job:
    size: str
    n_sas: int = 1
    multi_packet: bool = True
    policy: bool = True
    cache: bool = True
    suite: str = SUITE
    connections: int = 0  # 0: as many as the size has (world.CONNECTIONS)

    def n_connections(self):
        return self.connections or world.CONNECTIONS[self.size]

    def suffix(self):
        return self.size + (f", {self.n_sas} SAs" if self.n_sas > 1 else "") + \
            (f", {self.connections} connections" if self.connections else "") + ("" if self.policy else ", no policy") + ("" if self.multi_packet else ", multi_packet off") + \
            ("" if self.cache else ", forwarding_cache off") + \
            ("" if self.suite == SUITE else f", {self.suite}")

    def stem(self):
        return f"{self.size}-{self.n_sas}-{self.n_connections()}-{self.suite}{'' if self.policy else '-open'}" \
               f"{'' if self.multi_packet else '-off'}{'' if self.cache else '-full'}"

    def mean_size(self):
        n = self.n_connections()
        return sum(world.sizes_of(self.size, n)) / n


def path_jobs(suite):
    jobs = [Job(size, n_sas, multi_packet, suite=suite) for multi_packet in (True, False)
            for size, n_sas in (("64", 1), ("IMIX", 1), ("1400", 1), ("64", 1000))]
    jobs += [Job("64", policy=False, suite=suite), Job("64", cache=False, suite=suite)]
    return jobs + ([Job("1400", suite=other) for other in (CBC, CHACHA)] if suite == SUITE else [])


def gateway_jobs(suite):
    """A loop over many packets makes the device expensive (its copies of them are far apart in memory), so most rows
    have 256."""
    jobs = [Job(size, policy=policy, suite=suite, connections=256 if size == "64" else 0)
            for policy in (True, False) for size in world.SIZES]
    return jobs + [Job("64", suite=suite), Job("64", 1000, suite=suite, connections=4096)]


@dataclasses.dataclass(frozen=True)
class Also:
    """A figure of bench_path beside the table: 64-byte packets that are sealed only."""
    name: str
    unit: str
    options: tuple
    figure: tuple  # first word of bench_path's line, index
    target: str = ""
    whole_seconds: bool = False  # each connection is refreshed once per second: measure more than one
    cache: bool = True

    def rounds(self, rounds):
        return max(rounds, 60_000) if self.whole_seconds and rounds >= WARM else rounds


def connected(n, burst, *more):
    return ("--connections", str(n), "--burst", str(burst), "--only", "seal", *more)


FEW = world.CONNECTIONS["64"]
ALSO = [
    Also("also bursts of 32", "ns", connected(FEW, 32), ("median", 0)),
    Also("also bursts of 8", "ns", connected(FEW, 8), ("median", 0), "1.4x bursts of 32"),
    Also("also bursts of 1", "ns", connected(FEW, 1), ("median", 0), "3x bursts of 32"),
    Also("also 8192 connections", "ns", connected(FEW, 64), ("mean", 0), "", True),
    Also("also 1 M connections", "ns", connected(MANY, 64), ("mean", 0), "25 ns more", True),
    Also("also no packet is known", "ns", connected(FEW, 64, "--aged", "on"), ("median", 0), "15 ns more"),
    Also("also no packet is known, forwarding_cache off", "ns", connected(FEW, 64, "--aged", "on"), ("median", 0),
         cache=False),
    Also("also scan, denied: alone", "ns", connected(FEW, 64, "--scan", "denied"), ("scan", 0)),
    Also("also scan, denied: beside", "ns", connected(FEW, 64, "--scan", "denied"), ("scan", 1), "1.2x alone"),
    Also("also scan, denied: rate", "M/s", connected(FEW, 64, "--scan", "denied"), ("scan", 3), "5"),
    Also("also scan, allowed: alone", "ns", connected(FEW, 64, "--scan", "allowed"), ("scan", 0)),
    Also("also scan, allowed: beside", "ns", connected(FEW, 64, "--scan", "allowed"), ("scan", 1), "1.2x alone"),
    Also("also scan, allowed: rate", "M/s", connected(FEW, 64, "--scan", "allowed"), ("scan", 3), "5"),
    Also("also latency at 10 % load: median", "us", connected(FEW, 32, "--load", "10"), ("latency", 0)),
    Also("also latency at 10 % load: p99", "us", connected(FEW, 32, "--load", "10"), ("latency", 1), "20 us"),
]
WORKERS = [Also(f"also {n} worker{'s'[:n > 1]}", "Mpps", (), ("", n), "1.9x one worker" if n > 1 else "")
           for n in (1, 2)]


@dataclasses.dataclass
class Figures:
    """What one row measured, round by round."""
    name: str
    unit: str = "ns"
    values: list = dataclasses.field(default_factory=list)
    raw: list = dataclasses.field(default_factory=list)
    devices: list = dataclasses.field(default_factory=list)
    target: object = None
    mean_size: float = math.nan
