#!/bin/bash
# ESP that an independent peer sealed is opened to what went in: in order, reordered inside the
# window, padded for traffic-flow confidentiality, and with ESN where the low half wraps.
. "$(dirname "$0")/lib.sh"

# opens [options of esp_seal.py]
opens() {
	esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out wire.pcap "$@"
	gateway b
	expect_drops b ttl_expired=2
	expect b uplink.rx=699 pods.tx=697
	pcap_equal --ttl-delta 2 "${to_b[@]}" "${order[@]}" "$data/pods-a.pcap" opened.pcap
}

order=()
for esn in false true; do
	make_keys
	write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
	opens
	opens --bad tfc
done
opens --esn-start 0xfffffe00

# No packet is 64 or more late.
order=(--any-order)
opens --shuffle 64
opens --esn-start 0xfffffe00 --shuffle 64

suite=aes128gcm16 esn=false window=8192 outer=6
make_keys
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
opens --shuffle 8192
