#!/bin/bash
# Every suite in tunnel mode, with and without ESN, plain and in UDP, over IPv4 and IPv6: an independent
# implementation opens what espgate seals, and the reverse. tshark checks the suites that it supports.
#
#   input.pcap -> [a] -> wire.pcap -> Python opens
#   input.pcap -> Python seals -> sealed.pcap -> [b] -> opened.pcap
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/suites.inc.sh"

for outer in 4 6; do
	for esn in false true; do
		for encap in false true; do
			round_trip $outer $esn $encap tunnel
			if [ -e wire.pcap ] && [ "$outer $esn $encap" = "4 false false" ] && command -v tshark >/dev/null; then
				"${world[@]}" --select wire.pcap known.pcap
				"$root/tests/peer/tshark_check" a.yaml known.pcap 2>/dev/null
			fi
		done
	done
done
