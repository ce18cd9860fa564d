"""Text and JSON of the rows, and the comparison of two JSON files."""
import json
import os
import platform
import re
import statistics
import subprocess


def output(args):
    """What a program prints, or nothing."""
    try:
        return subprocess.run(args, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def machine(programs):
    """What a figure depends on besides the program."""
    with open("/proc/cpuinfo", encoding="ascii") as info:
        text = info.read()
    with open("/proc/meminfo", encoding="ascii") as info:
        huge = re.search(r"HugePages_Total: +(\d+)", info.read())
    field = {key: re.search(rf"^{key}\s*: (.*)", text, re.M) for key in ("model name", "cpu family", "model",
                                                                          "stepping")}
    return {
        "cpu": ", ".join(("" if key == "model name" else key + " ") + found[1] for key, found in field.items()
                         if found),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "espgate": output([programs.espgate, "--version"]),
        "revision": output(["git", "-C", programs.root, "describe", "--always", "--dirty"]),
        "ipsec_mb": output([os.path.join(programs.bench, "raw_imb"), "version"]),
        "dpdk": output(["pkg-config", "--modversion", "libdpdk"]),
        "hugepages": bool(huge and int(huge[1])) and "--no-huge" not in programs.eal,
    }


def describe(where):
    return f"{where['cpu']}; {where['cpus']} CPUs; Linux {where['kernel']}; {where['espgate']} ({where['revision']}), " \
           f"IPsec-MB {where['ipsec_mb']}, DPDK {where['dpdk']}; " \
           f"{'hugepages' if where['hugepages'] else 'no hugepages'}"


def summary(figures):
    """A row as JSON has it."""
    median = statistics.median(figures.values)
    row = {
        "name": figures.name, "unit": figures.unit, "median": median, "min": min(figures.values),
        "max": max(figures.values), "spread": (max(figures.values) - min(figures.values)) / median if median else 0,
        "values": figures.values,
    }
    if figures.raw:
        row["raw"] = statistics.median(figures.raw)
        row["devices"] = statistics.median(figures.devices) if figures.devices else None
        row["ratio"] = (median - (row["devices"] or 0)) / row["raw"]
        row["gbit_per_s"] = figures.mean_size * 8 / median
    if figures.target:
        row["target"] = figures.target
    return row


def number(value, width, digits):
    return f"{value:{width}.{digits}f}" if isinstance(value, (int, float)) else " " * width


HEAD = f"{'':<46} {'median':>8} {'spread':>7} {'Gbit/s':>7} {'raw ns':>7} {'devices':>8} {'ratio':>6}  target"


def line(row):
    return f"{row['name']:<46} {row['median']:8.1f} {100 * row['spread']:5.1f} % {number(row.get('gbit_per_s'), 7, 1)} " \
           f"{number(row.get('raw'), 7, 1)} {number(row.get('devices'), 8, 1)} {number(row.get('ratio'), 6, 2)}  " \
           f"{row.get('target', '')}{'' if row['unit'] == 'ns' else '  (' + row['unit'] + ')'}".rstrip()


# Targets about two rows: what it is, the row, the one that it is compared with, the target; a ratio, or a difference.
RATIOS = (
    ("bursts of 8, to bursts of 32", "also bursts of 8", "also bursts of 32", 1.4),
    ("single packets, to bursts of 32", "also bursts of 1", "also bursts of 32", 3),
    ("established beside a denied scan, to alone", "also scan, denied: beside", "also scan, denied: alone", 1.2),
    ("established beside an allowed scan, to alone", "also scan, allowed: beside", "also scan, allowed: alone", 1.2),
    ("two workers, to one", "also 2 workers", "also 1 worker", 1.9),
)
DIFFERENCES = (
    ("a miss, more than the path without a cache", "also no packet is known",
     "also no packet is known, forwarding_cache off", 15),
    ("1 M connections, more than 8192", "also 1 M connections", "also 8192 connections", 25),
)


def pairs(rows):
    """The targets that compare two rows, as lines."""
    found = {row["name"]: row["median"] for row in rows}
    for name, this, that, target in RATIOS:
        if this in found and that in found:
            yield f"{name + ':':<46} {found[this] / found[that]:8.2f}      (target {target})"
    for name, this, that, target in DIFFERENCES:
        if this in found and that in found:
            yield f"{name + ':':<46} {found[this] - found[that]:8.1f} ns   (target {target})"


def text(rows, where, rounds):
    yield describe(where)
    yield f"{rounds} rounds, interleaved: median, and spread from minimum to maximum; ns per packet unless a row " \
          "names its unit"
    yield "ratio: without the devices, to raw IPsec-MB"
    yield HEAD
    yield from (line(row) for row in rows)
    yield from pairs(rows)


def write_json(path, rows, where, rounds):
    with open(path, "w", encoding="ascii") as out:
        json.dump({"machine": where, "rounds": rounds, "rows": rows}, out, indent=1)
        out.write("\n")


def compare(old_path, rows, where):
    """This run to an older one: a row differs if no value of one lies between those of the other."""
    with open(old_path, encoding="ascii") as file:
        old = json.load(file)
    yield f"\ncompared with {old_path} ({describe(old['machine'])})"
    if old["machine"] != where:
        yield "the machine or its versions are not the same"
    before = {row["name"]: row for row in old["rows"]}
    yield f"{'':<46} {'before':>8} {'now':>8} {'ratio':>6}"
    for row in rows:
        was = before.get(row["name"])
        if not was or not was["median"]:
            continue
        differs = row["min"] > was["max"] or row["max"] < was["min"]
        yield f"{row['name']:<46} {was['median']:8.1f} {row['median']:8.1f} " \
              f"{row['median'] / was['median']:6.2f}{'  differs' if differs else ''}"
