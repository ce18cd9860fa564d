#!/bin/bash
# The gateway forwards the same packets with and without hugepages (--no-huge), and falls back to --no-huge
# by itself if too few hugepages are free.
#
#   pods-a.pcap -> [A] -> wire.pcap -> [B] -> opened.pcap
. "$(dirname "$0")/lib.sh"

make_keys
write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
round_trip() {
	run_gateway a
	run_gateway b
	expect b pods.tx=697
	pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
}

free_megabytes() { # of hugepages; by default the gateway needs 1024
	local sum=0 size kilobytes
	for size in /sys/kernel/mm/hugepages/hugepages-*; do
		[ -d "$size" ] || continue
		kilobytes=${size##*-}
		sum=$((sum + $(cat "$size/free_hugepages") * ${kilobytes%kB} / 1024))
	done
	echo $sum
}
megabytes=$(free_megabytes)

eal_everywhere=(--no-huge)
round_trip
eal_everywhere=()
round_trip
said='running with --no-huge, slower'
if [ $megabytes -lt 1024 ]; then
	grep -q "$said" a.log || fail "the log does not mention the fallback to --no-huge"
else
	# Another process may have taken them in between.
	! grep -q "$said" a.log || [ "$(free_megabytes)" -lt 1024 ] || fail "$megabytes MiB are free and unused"
fi

# With -m, it uses hugepages even if there are few.
[ $megabytes -ge 256 ] || { echo "$megabytes MiB of hugepages are free: tested without them only"; exit; }
eal=(-m 256)
round_trip
! grep -q "$said" a.log || fail "-m 256, and $megabytes MiB of hugepages unused"
echo "with $megabytes MiB of hugepages and without"
