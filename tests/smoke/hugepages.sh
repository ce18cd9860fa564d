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

free=$(cat /sys/kernel/mm/hugepages/*/free_hugepages 2>/dev/null | sort -n | tail -n 1)
eal_everywhere=(--no-huge)
round_trip
eal_everywhere=()
round_trip
said='no free hugepages: running with --no-huge, slower'
if [ "${free:-0}" -eq 0 ]; then
	expect_line a.log "$said"
	echo "no hugepages here: without them only, once by --no-huge and once by itself"
else
	! grep -q "$said" a.log || fail "$free pages are free and unused"
	echo "with $free hugepages and without"
fi
