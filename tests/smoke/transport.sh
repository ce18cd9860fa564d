#!/bin/bash
# Transport mode (RFC 4303 s3.1.1), every suite, with and without ESN, bare and in UDP, over IPv4 with
# options and IPv6 with extension headers: what espgate seals an independent implementation opens, and
# the reverse. Each suite has its own pair of ends.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/suites.inc.sh"

for outer in 4 6; do
	for esn in false true; do
		for encap in false true; do
			cross $outer $esn $encap transport
		done
	done
done
