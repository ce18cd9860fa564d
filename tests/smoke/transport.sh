#!/bin/bash
# Transport mode (RFC 4303 s3.1.1), every suite, with and without ESN, bare and in UDP, over IPv4 with
# options and IPv6 with extension headers: what espgate seals an independent implementation opens, and
# the reverse. Each suite has its own pair of ends.
. "$(dirname "$0")/lib.sh"
world=("$python" "$root/tests/smoke/suites_world.py")

for outer in 4 6; do
	for esn in false true; do
		for encap in false true; do
			packets=$("${world[@]}" . "$espgate" "$outer" "$esn" "$encap" transport)
			gateway a
			expect_drops a
			esp_open --esp wire.pcap --conf a.yaml --input input.pcap --expect-only
			expect_line esp_open.out "$packets packets opened, $packets input packets, 0 differences"

			esp_seal --input input.pcap --conf b.yaml --out sealed.pcap
			gateway b
			expect_drops b
			pcap_equal --ttl-delta 2 input.pcap opened.pcap
			expect_line pcap_equal.out "$packets and $packets packets, 0 differences"
			echo "IPv$outer, ESN $esn, in UDP $encap: $packets packets"
		done
	done
done
