#!/bin/bash
# The same packets come out without hugepages (--no-huge) as with them.
. "$(dirname "$0")/lib.sh"

make_keys
write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
round_trip() {
	gateway a
	gateway b
	expect b pods.tx=697
	pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
}

megabytes=0 # free, as the gateway counts them: it wants 1024
for size in /sys/kernel/mm/hugepages/hugepages-*; do
	[ -d "$size" ] || continue
	kilobytes=${size##*-}
	megabytes=$((megabytes + $(cat "$size/free_hugepages") * ${kilobytes%kB} / 1024))
done
eal_everywhere=(--no-huge)
round_trip
eal_everywhere=()
round_trip
said='running with --no-huge, slower'
if [ $megabytes -lt 1024 ]; then
	grep -q "$said" a.log || fail "no word of falling back to --no-huge"
	echo "$megabytes MiB of hugepages are free: without them only, once by --no-huge, once by itself"
else
	! grep -q "$said" a.log || fail "$megabytes MiB are free and unused"
	echo "with $megabytes MiB of hugepages and without"
fi
