#!/bin/bash
# explain --mtu shows how a tunnel's effective MTU is computed, line by line, and the lines add up.
. "$(dirname "$0")/lib.sh"
make_keys

expect_adds_up() { # FILE: the value after "=" is the MTU less all "-" lines
	awk '$2 == "mtu" { n = $1 } $1 == "-" { n -= $2 } $1 == "=" { exit n != $2 }' "$1" ||
		{ cat "$1"; fail "the lines do not add up"; }
}

for outer in 4 6; do
	write_conf a a "net_null0" "net_null1"
	sed -i 's/role: encrypted, mtu: 9000/role: encrypted, mtu: 1500/' a.yaml
	"$espgate" explain -c a.yaml --mtu other >out.$outer || fail "explain --mtu"
	expect_adds_up out.$outer
	expect_line out.$outer "outer IPv$outer header"
	expect_line out.$outer "mtu of port uplink"
done
expect_line out.4 "= 1446  longest packet inside"
expect_line out.4 "MSS 1406 over IPv4, 1386 over IPv6"
expect_line out.6 "= 1426  longest packet inside"
expect_line out.4 "longer over IPv4 without DF: fragmented, then sealed"
expect_line out.4 "longer over IPv6: dropped; ICMP \"too big\" reports 1446"
sed -i 's/mtu: 1500/mtu: 1280/; s/^    subnets:/    fragment: after\n&/' a.yaml # the outer version is still IPv6
for fragment in drop after; do # IPv6 packets of 1280 bytes pass either way
	sed -i "s/fragment: .*/fragment: $fragment/" a.yaml
	"$espgate" explain -c a.yaml --mtu other >out.after || fail "explain --mtu"
	expect_line out.after "longer over IPv6: up to 1280 sealed, then fragmented"
done
expect_line out.after "= 1206  longest packet inside"
expect_line out.after "longer over IPv4 without DF: sealed, then fragmented"
expect_status 2 "$espgate" explain -c a.yaml --mtu nobody 2>err
expect_line err 'no peer is named "nobody"'
expect_status 2 "$espgate" explain -c a.yaml --mtu other 10.244.1.1 2>err
