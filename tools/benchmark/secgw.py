"""ipsec-secgw, DPDK's example of an IPsec gateway: built from Debian's package of the examples, configured for the
same tunnels, and measured with the same captures. It has an SPD, but neither policy nor connections."""
import os
import re
import shutil
import signal
import subprocess
import time

from . import programs, world

# The fastest of its variants here: the aesni_gcm driver, without librte_ipsec (-l).
DRIVER = "crypto_aesni_gcm0"
SOURCE = "usr/share/dpdk/examples/ipsec-secgw"


class Unavailable(Exception):
    """Why it cannot be measured."""


def build(folder):
    """Build it against the installed DPDK. Returns the program's path."""
    program = os.path.join(folder, SOURCE, "build", "ipsec-secgw")
    if os.path.exists(program):
        return program
    for tool in ("apt-get", "dpkg-deb", "make", "cc"):
        if not shutil.which(tool):
            raise Unavailable(f"{tool} is not installed")
    os.makedirs(folder, exist_ok=True)
    if subprocess.run(["apt-get", "download", "-qq", "dpdk-doc"], cwd=folder, capture_output=True, check=False).returncode:
        raise Unavailable("apt-get cannot download dpdk-doc, which has the examples")
    package = next(name for name in os.listdir(folder) if name.startswith("dpdk-doc_"))
    subprocess.run(["dpkg-deb", "-x", package, "."], cwd=folder, check=True)
    source = os.path.join(folder, SOURCE, "ipsec-secgw.c")
    with open(source, encoding="utf-8") as file:
        text = file.read()
    # It insists on checksum offload, which net_pcap lacks. It has no use for the result.
    with open(source, "w", encoding="utf-8") as file:
        file.write(text.replace(".offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM", ".offloads = 0"))
    done = subprocess.run(["make", "-s"], cwd=os.path.dirname(source), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"it does not compile: {done.stderr.strip().splitlines()[-1]}")
    return program


def config(folder, n_sas, near):
    """Both directions of n_sas tunnels, with the keys of world.peer()."""
    local, remote = world.ENDS if near else world.ENDS[::-1]
    lines = []
    for i in range(n_sas):
        out, back = (0x1001 + i, 2 * i), (0x100001 + i, 2 * i + 1)
        if not near:
            out, back = back, out
        there, here = ("10.64.0.0/16",) * 2 if n_sas == 1 else (world.subnet(i, near), world.subnet(i, not near))
        for word, (spi, key), network, ends in (("out", out, there, (local, remote)), ("in", back, here, (remote, local))):
            with open(f"{folder}/{key}.key", encoding="ascii") as file:
                digits = file.read().split()[0]
            pairs = ":".join(digits[at:at + 2] for at in range(0, len(digits), 2))
            lines += [f"sp ipv4 {word} esp protect {spi} pri 1 dst {network} sport 0:65535 dport 0:65535",
                      f"sa {word} {spi} aead_algo aes-128-gcm aead_key {pairs} mode ipv4-tunnel src {ends[0]} "
                      f"dst {ends[1]}"]
    lines += [f"rt ipv4 dst {remote}/32 port 1", "rt ipv4 dst 10.64.0.0/16 port 0",
              "neigh port 0 02:00:00:00:00:03", "neigh port 1 02:00:00:00:00:02"]
    return "\n".join(lines) + "\n"


def check(program):
    if not os.access(program, os.X_OK) or os.path.isdir(program):
        raise Unavailable(f"{program} is not a program")
    return os.path.abspath(program)


def measure_ns(program, where, conf, capture, encrypt, n_sas, seconds):
    """ns per packet. It prints its counters every second: the first second, which includes its start, is not
    counted. With many SAs it starts slowly."""
    loop, empty = f"rx_pcap={capture},infinite_rx=1", "rx_pcap=empty.pcap"
    args = [program, f"--lcores=1@{programs.CPU}", "--no-pci", "--no-telemetry", *where.eal,
            "--vdev", f"net_pcap0,{loop if encrypt else empty}", "--vdev", f"net_pcap1,{empty if encrypt else loop}",
            "--vdev", DRIVER, "--", "-p", "0x3", "-P", "-u", "0x2", "-t", "1", "-s", "32768", "-f", conf,
            "--config=(0,0,1),(1,0,1)"]
    log = os.path.join(where.folder, "secgw.log") # not a pipe: with many SAs it would fill up
    with open(log, "w", encoding="ascii") as out, \
            subprocess.Popen(args, cwd=where.folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL) as process:
        time.sleep(1 + n_sas / 125) # its start
        share = programs.watch(process, seconds + 2)
        process.send_signal(signal.SIGINT)
        process.wait()
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    sent = [int(n) for n in re.findall(r"Total packets sent: +(\d+)", text)]
    dropped = re.findall(r"Total packets dropped: +(\d+)", text)
    sent = sent[next((i for i, n in enumerate(sent) if n), 0):]
    if len(sent) < 3 or sent[-1] == sent[1]:
        raise Unavailable("it forwards nothing: " + "; ".join(text.strip().splitlines()[-3:]))
    if int(dropped[-1]):
        raise Unavailable(f"it dropped {dropped[-1]} packets")
    return 1e9 * share * (len(sent) - 2) / (sent[-1] - sent[1])
