#!/bin/bash
# Each gateway opens what the other seals, in both directions, for each AES-GCM key size, outer IP version and
# ESN; independent implementations (Python's cryptography, tshark) open the same packets from the wire.
#
#   pods-a.pcap -> [A] -> a-wire.pcap -> [B] -> b-pods.pcap
#                         a-pods.pcap <- [A] <- b-wire.pcap <- [B] <- pods-b.pcap
. "$(dirname "$0")/lib.sh"

round_trip() {
	make_keys
	# A runs twice, because a capture cannot wait for what B has yet to send; B does both in one run.
	write_conf seal-a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap" a-wire.pcap)"
	write_conf b b "$(pcap 0 "$data/pods-b.pcap" b-pods.pcap)" "$(pcap 1 a-wire.pcap b-wire.pcap)"
	write_conf open-a a "$(pcap 0 "$data/empty.pcap" a-pods.pcap)" "$(pcap 1 b-wire.pcap)"
	run_gateway seal-a
	run_gateway b
	run_gateway open-a

	expect_drops seal-a "${drops_of_pods_a[@]}"
	expect seal-a pods.rx=717 uplink.tx=699 sa.0x00001001=699
	expect_drops b "${drops_of_pods_b[@]}" ttl_expired=4 # two in each direction
	expect b pods.rx=697 uplink.rx=699 pods.tx=697 uplink.tx=678 sa.0x00001001=699 sa.0x00002001=678
	expect_drops open-a ttl_expired=2
	expect open-a uplink.rx=678 pods.tx=676

	esp_open --expect-only --esp a-wire.pcap --conf seal-a.yaml --input "$data/pods-a.pcap"
	esp_open --expect-only --esp b-wire.pcap --conf b.yaml --input "$data/pods-b.pcap"
	pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" b-pods.pcap
	pcap_equal --ttl-delta 2 "${to_a[@]}" "$data/pods-b.pcap" a-pods.pcap
	tshark_agrees a-wire.pcap
}

# Before Wireshark 4.4, tshark cannot check the ICV of an ESN SA; the exit status is then 77.
tshark_agrees() {
	local status=0
	"$root/tests/peer/tshark_check" seal-a.yaml "$1" >tshark.out 2>&1 || status=$?
	[ $status -eq 0 ] || [ $esn$status = true77 ] || { cat tshark.out; fail "tshark: $outer $suite $esn"; }
}

# Each pair of properties occurs.
while read -r outer suite esn; do
	echo "IPv$outer $suite esn=$esn"
	round_trip
done <<-EOF
	4 aes128gcm16 false
	6 aes128gcm16 true
	4 aes192gcm16 true
	6 aes192gcm16 false
	4 aes256gcm16 true
	6 aes256gcm16 false
EOF
