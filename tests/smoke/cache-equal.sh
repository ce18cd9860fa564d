#!/bin/bash
# The same capture with the forwarding cache and without it: the plain frames are equal, each flow in order, and so
# are all counters, without policy and with it.
#
#   pods-a.pcap, three times -> [A] -> wire.pcap -> [B] -> opened.pcap
. "$(dirname "$0")/lib.sh"

cp -r "$root"/conf/policy/{policies,inventory} .
make_keys
# Three times, because only one burst in sixteen shows which stages it met.
PYTHONPATH=$root/tests/peer "$python" -c "
import sys, wire
link_type, frames = wire.read_pcap(sys.argv[1])
wire.write_pcap('input.pcap', link_type, 3 * list(frames))" "$data/pods-a.pcap"

# figures NAME: every counter, but not those that measure time or the cache itself
figures() {
	counters "$1" | grep -v -e '^cycles' -e '^stage' -e '^time' | sort
}

for policy in "" "policy: {dirs: [policies], inventory: [inventory]}"; do
	for cache in on off; do
		extra="workers: {forwarding_cache: $cache}"$'\n'"$policy"
		write_conf "a-$cache" a "$(pcap 0 input.pcap)" "$(pcap 1 "$data/empty.pcap" "wire-$cache.pcap")"
		write_conf "b-$cache" b "$(pcap 0 "$data/empty.pcap" "opened-$cache.pcap")" "$(pcap 1 "wire-$cache.pcap")"
		run_gateway "a-$cache"
		run_gateway "b-$cache"
		for side in a b; do
			figures "$side-$cache" >"$side-$cache.figures"
		done
	done
	for side in a b; do
		diff "$side-on.figures" "$side-off.figures" || fail "$side counts differently with the cache (<) and without (>)"
	done
	pcap_equal opened-on.pcap opened-off.pcap
	cat pcap_equal.out
	[ "$(counter b-on pods.tx)" -gt 20 ] || { cat b-on.txt; fail "too little passed"; }
	# With policy: the capture has one direction only, so its TCP connections are never established.
	[ -n "$policy" ] || grep -q "cycles per packet:.* seal " a-on.txt || { cat a-on.txt; fail "A's cache knew nothing"; }
	! grep -q "cycles per packet:.* \(cache\|seal\|learn\) " a-off.txt || { cat a-off.txt; fail "A's cache is not off"; }
done
