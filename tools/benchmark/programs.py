"""Runs the programs that measure: the gateway, testpmd, raw IPsec-MB, bench_path. All run in the folder of the
captures and on the last CPU. Times are ns per packet."""
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

CPU = str(max(os.sched_getaffinity(0)))
PIN = ["taskset", "-c", CPU]
LCORES = f"0@{min(os.sched_getaffinity(0))},1@{CPU}"


def eal_of(text):
    """EAL arguments: as given, or what this machine has memory for."""
    if text is not None:
        return text.split()
    with open("/proc/meminfo", encoding="ascii") as info:
        free = next(line.split()[1] for line in info if line.startswith("HugePages_Free"))
    return ["--in-memory"] if int(free) else ["--no-huge", "--no-shconf", "-m", "512"]


def cpu_times(pid):
    """ns that each thread of a process has run."""
    times = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                times[task] = int(file.read().split()[0])
        except OSError: # it has ended
            pass
    return times


def watch(process, seconds):
    """Wait. Returns the share of the time that its busiest thread, which polls, had a CPU: rates are divided by it,
    so that other programs on a busy machine do not count."""
    before, start = cpu_times(process.pid), time.monotonic()
    time.sleep(seconds)
    after, took = cpu_times(process.pid), time.monotonic() - start
    ran = max((after[task] - before.get(task, 0) for task in after), default=0)
    return min(1.0, ran / 1e9 / took) if ran else 1.0


class Programs:
    def __init__(self, root, build, folder, eal):
        self.root, self.folder, self.eal = root, folder, eal
        self.espgate = os.path.join(build, "app", "espgate")
        self.bench = os.path.join(build, "tests", "bench")

    def objects(self):
        return os.path.join(self.bench, "bench_objects")

    def suites(self):
        usage = subprocess.run([self.espgate, "keygen"], stderr=subprocess.PIPE, text=True, check=False).stderr
        return usage.split("suites:")[1].split()

    def _output(self, args):
        done = subprocess.run(PIN + args, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"bench: {' '.join(args)}\n{done.stderr}{done.stdout}")
        return done.stdout

    def raw(self, suite, sizes, seconds):
        """IPsec-MB alone: a burst of 64 buffers, unchecked. Encrypt and decrypt."""
        align = 16 if re.fullmatch(r"aes\d+-.*", suite) else 4  # CBC's blocks; ESP's own
        lengths = [str(-(-(size - 14 + 2) // align) * align) for size in sizes]
        program = os.path.join(self.bench, "raw_imb")
        return [float(self._output([program, suite, direction, str(seconds), *lengths]))
                for direction in ("encrypt", "decrypt")]

    def path(self, near, far, capture, rounds, options):
        """bench_path: the lines that it prints, by their first word; "median": the first line."""
        text = self._output([os.path.join(self.bench, "bench_path"), near, far, capture, str(rounds), *options,
                             *self.eal])
        first, *rest = text.splitlines()
        figures = {"median": [float(word) for word in first.split()]}
        for line in rest:
            word, *values = line.split(":")[0].split()
            figures[word] = [float(value) for value in values if value != "us"]
        return figures

    def gateway(self, conf, seconds, idle=False):
        """The whole gateway, for some seconds or until idle. Returns its final statistics block, and the share of
        watch()."""
        args = [self.espgate, "run", "-c", conf] + (["--exit-when-idle", "300ms"] if idle else [])
        with subprocess.Popen(args + ["--", *self.eal], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            share = 1.0
            if not idle:
                for line in process.stderr:
                    if "workers," in line:
                        break
                share = watch(process, seconds)
                process.send_signal(signal.SIGINT)
            text, errors = process.communicate()
        if process.returncode:
            sys.exit(f"bench: espgate failed\n{errors}{text}")
        return text, share

    def gateway_ns(self, conf, seconds, role):
        """From the port of a role. On a busy machine a run may have forwarded nothing yet, or lost packets while the
        control thread had no CPU: it is repeated, and longer."""
        for factor in (1, 2, 5, 10, 20):
            text, share = self.gateway(conf, seconds * factor)
            rates = re.search(rf"port \S+ \({role}\)\n +rx +(\d+) packets.*?(\d+) pps", text)
            drops = re.findall(r"^    (\w+) +\d+  ", text, re.M)
            if rates and int(rates[2]) and not drops:
                return 1e9 * share / float(rates[2])
            print(f"bench: {conf}: again, {', '.join(drops) or 'nothing forwarded'}", file=sys.stderr)
        sys.exit(f"bench: packets were dropped, or none were forwarded\n{text}")

    def devices_ns(self, capture, seconds):
        """The same two devices alone: testpmd's io forwarding. None without testpmd."""
        if not shutil.which("dpdk-testpmd"):
            return None
        args = ["dpdk-testpmd", f"--lcores={LCORES}", "--no-pci", "--no-telemetry", "--vdev",
                f"net_pcap0,rx_pcap={capture},infinite_rx=1", "--vdev", "net_pcap1,rx_pcap=empty.pcap",
                *self.eal, "--", "--forward-mode=io", "--burst=64", "--total-num-mbufs=32768",
                "--mbuf-size=2176", "--stats-period=1", "--max-pkt-len=1618", "--txd=512", "--rxd=512"]
        with subprocess.Popen(args, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True) as process:
            time.sleep(1.5) # its start
            share = watch(process, max(seconds, 2))
            process.send_signal(signal.SIGINT)
            text, _ = process.communicate()
        rates = [int(rate) for rate in re.findall(r"Rx-pps: +(\d+)", text) if int(rate)]
        return 1e9 * share / statistics.median(rates[1:] or rates) if rates else None
