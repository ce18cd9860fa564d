#!/bin/bash
# What guards the clear ports: source_check refuses sources that are not behind their port, and networks of
# `encrypt` never leave in clear.
#
#   pods.pcap -> pods [A] inet (default route)
#                     [A] uplink ==ESP== b
. "$(dirname "$0")/lib.sh"

make_keys
cp "$data/empty.pcap" .
mkdir -m 700 state
conf() { # NAME SOURCE_CHECK [more top-level lines]
	cat >"$1.yaml" <<-EOC
		version: 1
		state_dir: state
		ports:
		  pods: {device: "net_pcap0,rx_pcap=pods.pcap", role: clear, promiscuous: true, source_check: $2}
		  inet: {device: "net_pcap1,rx_pcap=empty.pcap", role: clear}
		  uplink: {device: "net_pcap2,rx_pcap=empty.pcap", role: encrypted}
		neighbors:
		  - {port: pods, ip: 10.244.1.254, mac: "02:00:00:00:00:fe"}
		  - {port: inet, ip: 198.51.100.254, mac: "02:00:00:00:00:0f"}
		  - {port: uplink, ip: 192.0.2.2, mac: "02:00:00:00:00:0e"}
		routes:
		  - {to: 10.244.1.0/24, via: 10.244.1.254}
		  - {to: 0.0.0.0/0, via: 198.51.100.254}
		${3:-}
	EOC
}
peer() { # SUITE
	cat <<-EOC
		peers:
		  b:
		    local: 192.0.2.1
		    remote: 192.0.2.2
		    subnets: [10.244.2.0/24]
		    sas:
		      - {dir: out, spi: 0x1001, suite: $1, key_file: keys/a-to-b-1.key}
		      - {dir: in, spi: 0x2001, suite: $1, key_file: keys/b-to-a-1.key}
	EOC
}

# Two of six sources are behind the port, three are elsewhere (one is the peer's gateway), one is a peer's pod.
"$root/tests/smoke/flows_pcap.py" pods.pcap 10.244.1.2,10.244.2.2,udp,7 8.8.8.8,10.244.2.2,udp,7 \
	192.0.2.2,10.244.1.2,udp,7 10.244.2.9,10.244.1.2,udp,7 10.244.1.3,8.8.8.8,udp,7 203.0.113.1,10.244.1.2,udp,7
conf strict strict
peer aes256gcm16 >>strict.yaml
run_gateway strict
expect strict uplink.tx=1 inet.tx=1 pods.tx=0
expect_drops strict source_check=3 plain_from_peer=1
conf loose loose
peer aes256gcm16 >>loose.yaml
run_gateway loose
expect loose uplink.tx=2 inet.tx=1 pods.tx=2
expect_drops loose plain_from_peer=1
echo "sources: strict accepts those behind the port, loose those with a route, neither a peer's pods"

# The peer is removed, and its subnet would follow the default route, in clear.
"$root/tests/smoke/flows_pcap.py" pods.pcap 10.244.1.2,10.244.2.2,udp,7 10.244.1.2,10.244.9.9,tcp,80 10.244.1.2,8.8.8.8,udp,7
conf gone strict
run_gateway gone
expect gone inet.tx=3
conf closed strict 'encrypt: [10.244.2.0/23, 10.244.9.0/24]'
run_gateway closed
expect closed inet.tx=1
expect_drops closed must_encrypt=2
{ cat closed.yaml; peer aes256gcm16; } >sealed.yaml
run_gateway sealed
expect sealed inet.tx=1 uplink.tx=1
expect_drops sealed must_encrypt=1
run_explain() { # CONF DESTINATION: write explain.txt, whether denied or not
	{ cat "$1.yaml"; echo "policy: {unknown_pods: allow, dirs: [$root/conf/policy/policies], inventory: [$root/conf/policy/inventory]}"; } >explain.yaml
	"$espgate" explain -c explain.yaml 10.244.1.2 "$2" udp 7 >explain.txt 2>&1 || true
}
run_explain closed 10.244.2.2
expect_line explain.txt "route: no tunnel, but encrypt covers its network: dropped as must_encrypt"
run_explain sealed 10.244.9.9
expect_line explain.txt "route: no tunnel, but encrypt covers its network: dropped as must_encrypt"
for route in "sealed 10.244.2.2" "closed 8.8.8.8" "closed 10.244.1.3"; do
	run_explain $route
	expect_line explain.txt "route: "
	! grep -q must_encrypt explain.txt || { cat explain.txt; fail "explain: must_encrypt on the route to $route"; }
done
echo "encrypt: packets that no tunnel takes are dropped, whatever routes there are, and explain shows it"

{ cat closed.yaml; peer null-sha256; } >null.yaml
! "$espgate" check -c null.yaml >check.out 2>&1 || fail "check accepts null-sha256 inside encrypt"
expect_line check.out "null-sha256 does not encrypt, and the peer overlaps 10.244.2.0/23 of encrypt"
conf router strict 'encrypt: [10.244.0.0/16]'
! "$espgate" check -c router.yaml >check.out 2>&1 || fail "check accepts a clear router inside encrypt"
expect_line check.out "10.244.1.0/24 lies inside 10.244.0.0/16 of encrypt: its packets would leave in clear through a router on ports.pods"
echo "check: refuses suites and routers that would expose networks of encrypt"
