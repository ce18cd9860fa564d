#!/bin/bash
# Every suite, with and without ESN, over IPv4 and IPv6: what espgate seals an independent
# implementation opens, and the reverse; one gateway with a tunnel of each suite, so that every burst
# mixes them. What tshark knows, it checks too.
. "$(dirname "$0")/lib.sh"
world=("$python" "$root/tests/smoke/suites_world.py")

for outer in 4 6; do
	for esn in false true; do
		packets=$("${world[@]}" . "$espgate" "$outer" "$esn")
		gateway a
		expect_drops a
		esp_open --esp wire.pcap --conf a.yaml --input input.pcap --expect-only
		expect_line esp_open.out "$packets packets opened, $packets input packets, 0 differences"

		esp_seal --input input.pcap --conf b.yaml --out sealed.pcap
		gateway b
		expect_drops b
		pcap_equal --ttl-delta 2 input.pcap opened.pcap
		expect_line pcap_equal.out "$packets and $packets packets, 0 differences"

		if [ "$outer $esn" = "4 false" ] && command -v tshark >/dev/null; then
			"${world[@]}" --select wire.pcap known.pcap
			"$root/tests/peer/tshark_check" a.yaml known.pcap 2>/dev/null
		fi
		echo "outer IPv$outer, ESN $esn: $packets packets"
	done
done
