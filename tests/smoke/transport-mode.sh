#!/bin/bash
# Every suite in transport mode (RFC 4303 s3.1.1), with and without ESN, plain and in UDP, over IPv4 with options
# and IPv6 with extension headers: an independent implementation opens what espgate seals, and the reverse. Each
# suite has its own pair of endpoints.
#
#   input.pcap -> [a] -> wire.pcap -> Python opens
#   input.pcap -> Python seals -> sealed.pcap -> [b] -> opened.pcap
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/suites.inc.sh"

for outer in 4 6; do
	for esn in false true; do
		for encap in false true; do
			round_trip $outer $esn $encap transport
		done
	done
done
