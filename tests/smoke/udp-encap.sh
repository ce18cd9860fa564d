#!/bin/bash
# ESP in UDP (RFC 3948), every suite, with and without ESN, over IPv4 and IPv6: an independent implementation
# opens what espgate seals, and the reverse. Also keepalives, several source ports, invalid packets, and
# peers whose address or encapsulation differs from the configuration.
#
#   input.pcap -> [a] -> wire.pcap -> Python opens
#   input.pcap -> Python seals -> sealed.pcap -> [b] -> opened.pcap
. "$(dirname "$0")/lib.sh"
world=("$python" "$root/tests/smoke/suites_world.py")

for outer in 4 6; do
	for esn in false true; do
		spread=true
		[ $esn = false ] || spread='{source_ports: 16}'
		packets=$("${world[@]}" . "$espgate" "$outer" "$esn" "$spread")
		run_gateway a
		expect_drops a
		esp_open --esp wire.pcap --conf a.yaml --input input.pcap --expect-only
		expect_line esp_open.out "$packets packets opened, $packets input packets, 0 differences"
		# At the start, one keepalive per peer opens the mapping in a NAT.
		expect a uplink.tx=$((packets + $(counter a originated)))
		[ "$(counter a originated)" -eq "$(grep -c udp_encap a.yaml)" ] || fail "a: keepalives at the start"

		esp_seal --input input.pcap --conf b.yaml --out sealed.pcap
		run_gateway b
		expect_drops b
		pcap_equal --ttl-delta 2 input.pcap opened.pcap
		expect_line pcap_equal.out "$packets and $packets packets, 0 differences"
		echo "outer IPv$outer, ESN $esn, udp_encap $spread: $packets packets"
	done
done

encap=true
make_keys
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
while read -r kind drops; do
	esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out wire.pcap --bad "$kind"
	run_gateway b
	expect_drops b ttl_expired=2 $drops
	pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
	echo "$kind: $drops"
done <<-EOF
	corrupt-icv         esp_auth=70
	truncate            esp_short=70
	wrong-spi           esp_unknown_spi=70
	esp-fragment        reassembly_bad=70
EOF
sed 's/udp_encap: true/udp_encap: false/' b.yaml >bare.yaml
esp_seal --input "$data/pods-a.pcap" --conf bare.yaml --out wire.pcap
run_gateway b
expect_drops b esp_wrong_encap=699
echo "not in UDP: esp_wrong_encap"

# auto accepts ESP in UDP and plain ESP on the same SA (RFC 7296 s2.23).
for sealed in true false; do
	sed "s/udp_encap: true/udp_encap: $sealed/" b.yaml >peer.yaml
	sed 's/udp_encap: true/udp_encap: auto/' b.yaml >auto.yaml
	esp_seal --input "$data/pods-a.pcap" --conf peer.yaml --out wire.pcap
	run_gateway auto
	expect_drops auto ttl_expired=2
	pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
	echo "udp_encap auto, peer's udp_encap $sealed: all opened"
done

# A peer behind a NAT sends from another address: refused, unless float is set; then it is followed.
outer=4
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
sed 's/remote: "192.0.2.1"/remote: "203.0.113.77"/' b.yaml >peer.yaml
sed 's/udp_encap: true/udp_encap: {float: true}/; s|^routes:|&\n  - {to: 203.0.113.0/24, via: "192.0.2.1"}|' b.yaml >floats.yaml
esp_seal --input "$data/pods-a.pcap" --conf peer.yaml --out wire.pcap
run_gateway b
expect_drops b esp_wrong_peer=699
run_gateway floats
expect_drops floats ttl_expired=2
pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
expect_line floats.log "peer other: endpoint now 203.0.113.77:4500"
expect_line floats.txt "endpoint 203.0.113.77:4500"
echo "from another address: esp_wrong_peer; with float: all opened, and followed"
