#!/bin/bash
# log.drop_sample: dropped packets are logged with their reason at the configured rate, never more; 0/s logs
# none; the counters count all of them.
. "$(dirname "$0")/lib.sh"

make_keys
has_samples() { [ "$(grep -c ' esp: drop=' a.log)" -ge "$1" ]; }
sample() { # RATE LINES: run a second under load, and until LINES drops are logged; sets $lines and $seconds
	extra=$(printf 'stats: {period: 100ms}\nlog: {drop_sample: %s}' "$1")
	write_conf a a "$(pcap 0 "$data/pods-a.pcap"),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"
	start a
	until_true 10 eval '[ "$(grep -c "^---- " a.txt)" -ge 12 ]'
	until_true 10 has_samples "$2"
	stop a "$pid"
	seconds=$(sed -n 's/^---- espgate after \([0-9.]*\) s.*/\1/p' a.txt | tail -n 1)
	lines=$(grep -c ' esp: drop=' a.log || true)
	echo "$1: $lines lines in $seconds s, $(counter a drops) drops"
	[ "$(counter a drops)" -gt 1000 ] || fail "too few drops to sample"
}

sample 5/s 4
awk -v n="$lines" -v s="$seconds" 'BEGIN { exit !(n >= 4 && n <= 5 * (s + 0.1) + 1) }' || fail "not 5 per second"
# TIME info esp: drop=NAME port=NAME len=BYTES ... (what it means)
sed -n 's/.* info esp: drop=\([a-z0-9_]*\) port=pods len=[0-9]* .*(.*)$/\1/p' a.log >names
[ "$(wc -l <names)" -eq "$lines" ] || fail "lines in another format"
while read -r name; do
	[ "$(counter a "drop.$name")" -gt 0 ] || fail "logged but not counted: $name"
done <names
! grep -E ' proto=(1|58) sport=' a.log || fail "ICMP has no ports"

sample 50/s 30
awk -v n="$lines" -v s="$seconds" 'BEGIN { exit !(n >= 30 && n <= 50 * (s + 0.1) + 1) }' || fail "not 50 per second"

sample 0/s 0
[ "$lines" -eq 0 ] || fail "drops are logged at 0/s"
