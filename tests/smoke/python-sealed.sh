#!/bin/bash
# ESP sealed by an independent peer is opened to its input: in order, reordered within the window, padded for
# traffic-flow confidentiality, and with ESN when the low half wraps.
#
#   pods-a.pcap -> Python seals -> wire.pcap -> [B] -> opened.pcap
. "$(dirname "$0")/lib.sh"

# expect_opened [options of esp_seal.py]
expect_opened() {
	esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out wire.pcap "$@"
	run_gateway b
	expect_drops b ttl_expired=2
	expect b uplink.rx=699 pods.tx=697
	pcap_equal --ttl-delta 2 "${to_b[@]}" "${order[@]}" "$data/pods-a.pcap" opened.pcap
}

order=()
for esn in false true; do
	make_keys
	write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
	expect_opened
	expect_opened --bad tfc
done
expect_opened --esn-start 0xfffffe00

# No packet is late by 64 or more.
order=(--any-order)
expect_opened --shuffle 64
expect_opened --esn-start 0xfffffe00 --shuffle 64

suite=aes128gcm16 esn=false window=8192 outer=6
make_keys
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
expect_opened --shuffle 8192
