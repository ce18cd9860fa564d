"""Prepares and measures the rows, round by round, so that what else happens on the machine affects all alike."""
import os
import sys

from . import rows, world

ROUNDS_PER_S = 4000  # bench_path's rounds of 256 packets, in both directions


class Bench:
    def __init__(self, programs, seconds, selected):
        """selected(name): is the row wanted?"""
        self.programs, self.seconds, self.selected = programs, seconds, selected
        self.figures = {}
        self.raw = {}       # of this round, by suite and size
        self.prepared = set()

    def path(self, name):
        return os.path.join(self.programs.folder, name)

    def prepare(self):
        """What all rows share."""
        for name, mode in (("", 0o755), ("state-near", 0o700), ("state-far", 0o700)):
            os.makedirs(self.path(name), mode, exist_ok=True)
        world.write_objects(self.programs.objects(), self.path(""))
        world.write_pcap(self.path("empty.pcap"), [])

    def once(self, name):
        """True the first time."""
        first = name not in self.prepared
        self.prepared.add(name)
        return first

    def write_keys(self, suite):
        if self.once(f"keys-{suite}"):
            world.write_keys(self.programs.espgate, self.path(f"keys-{suite}"), suite, 2000)

    def write(self, job, near, name, **more):
        self.write_keys(job.suite)
        if self.once(name):
            text = world.config(job.suite, job.n_sas, near, f"keys-{job.suite}", policy=job.policy,
                                multi_packet=job.multi_packet, cache=job.cache, **more)
            with open(self.path(name), "w", encoding="ascii") as out:
                out.write(text)
        return name

    def capture(self, job, kind, protocols):
        name = f"{kind}-{job.size}-{job.n_sas}-{job.n_connections()}.pcap"
        if self.once(name):
            world.write_pcap(self.path(name), world.capture(job.size, job.n_connections(), job.n_sas, protocols))
        return name

    def add(self, name, value, raw=None, devices=None, mean_size=0.0, unit="ns", target=None):
        row = self.figures.setdefault(name, rows.Figures(name, unit, mean_size=mean_size,
                                                         target=target or rows.TARGETS.get(name)))
        row.values.append(value)
        row.raw += [raw] if raw is not None else []
        row.devices += [devices] if devices is not None else []

    def raw_of(self, job):
        """Once per round."""
        key = job.suite, job.size
        if key not in self.raw:
            self.raw[key] = self.programs.raw(job.suite, world.SIZES[job.size], self.seconds / 4)
        return self.raw[key]

    def bench_path(self, job, options, rounds):
        ends = [self.write(job, near, f"{end}-{job.stem()}.yaml") for end, near in (("near", True), ("far", False))]
        capture = self.capture(job, "path", (world.TCP, world.UDP))
        return self.programs.path(*ends, capture, rounds, options)

    def path_job(self, job):
        names = [f"path {direction} {job.suffix()}" for direction in ("encrypt", "decrypt")]
        if not any(self.selected(name) for name in names):
            return
        found = self.bench_path(job, ["--connections", str(job.n_connections())], self.rounds())
        for name, value, raw in zip(names, found["median"], self.raw_of(job)):
            if self.selected(name):
                self.add(name, value, raw, found["rings"][0], job.mean_size())

    def rounds(self):
        return max(1, int(self.seconds * ROUNDS_PER_S))

    def gateway_capture(self, job, direction):
        """What the gateway of one direction receives. UDP only: the capture has one direction, and TCP without
        answers establishes nothing."""
        plain = self.capture(job, "gateway", (world.UDP,))
        if direction == "encrypt":
            return plain
        wire = f"wire-{job.stem()}.pcap"
        if self.once(wire):
            self.programs.gateway(self.write(job, True, f"make-{job.stem()}.yaml", pods=f"rx_pcap={plain}",
                                             uplink=f"rx_pcap=empty.pcap,tx_pcap={wire}"), 0, idle=True)
        return wire

    def gateway_ns(self, job, direction):
        """A capture repeats its sequence numbers: so decryption is without anti-replay."""
        loop, empty = f"rx_pcap={self.gateway_capture(job, direction)},infinite_rx=1", "rx_pcap=empty.pcap"
        near = direction == "encrypt"
        conf = self.write(job, near, f"{direction}-{job.stem()}.yaml", pods=loop if near else empty,
                          uplink=empty if near else loop, window=0)
        return self.programs.gateway_ns(conf, self.seconds, "clear" if near else "encrypted")

    def devices_ns(self, job, direction):
        return self.programs.devices_ns(self.gateway_capture(job, direction), self.seconds)

    def gateway_job(self, job):
        for i, direction in enumerate(("encrypt", "decrypt")):
            name = f"gateway {direction} {job.suffix()}"
            if self.selected(name):
                self.add(name, self.gateway_ns(job, direction), self.raw_of(job)[i], self.devices_ns(job, direction),
                         job.mean_size())

    def also_job(self, options, cache, wanted):
        """One run of bench_path for all the rows with these options."""
        job = rows.Job("64", cache=cache)
        found = self.bench_path(job, options, max(row.rounds(self.rounds()) for row in wanted))
        for row in wanted:
            word, index = row.figure
            self.add(row.name, found[word][index], unit=row.unit, target=row.target)

    def also(self):
        by_options = {}
        for row in rows.ALSO:
            if self.selected(row.name):
                by_options.setdefault((row.options, row.cache), []).append(row)
        for (options, cache), wanted in by_options.items():
            self.also_job(options, cache, wanted)

    def workers(self):
        """One worker and two, each with a receive queue of its own: millions of packets per second."""
        cpus = sorted(os.sched_getaffinity(0))
        job = rows.Job("64", connections=256)
        for row in rows.WORKERS:
            n = row.figure[1]
            if len(cpus) < n or not self.selected(row.name):
                continue
            plain = self.capture(job, "gateway", (world.UDP,))
            conf = self.write(job, True, f"workers-{n}.yaml", pods=f"{f'rx_pcap={plain},' * n}infinite_rx=1",
                              uplink="rx_pcap=empty.pcap," * n, lcores=",".join(map(str, cpus[-n:])))
            self.add(row.name, 1e3 / self.programs.gateway_ns(conf, self.seconds, "clear"), unit=row.unit,
                     target=row.target)

    def round(self, path_jobs, gateway_jobs):
        self.raw = {}
        for job in path_jobs:
            self.path_job(job)
        for job in gateway_jobs:
            self.gateway_job(job)
        self.also()
        self.workers()
        print(".", end="", file=sys.stderr, flush=True)
