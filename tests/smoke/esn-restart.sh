#!/bin/bash
# An ESN receiver that restarts: it continues beyond 2^32 packets, resynchronizes with a peer that sent more
# than 2^32 packets in the meantime, and accepts no packet that was recorded before.
#
#   Python seals with chosen sequence numbers -> [B, restarted before each capture]
. "$(dirname "$0")/lib.sh"

esn=true
make_keys
mkdir -m 700 state
extra='state_dir: state'
write_b() { write_conf b b "$(pcap 0 "$data/empty.pcap")" "$(pcap 1 "$1")"; }
seal() { esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out "$1" --esn-start "$2"; }

write_b first.pcap
seal first.pcap 1
seal second.pcap 0x300000000
seal third.pcap 0x300000400
seal fourth.pcap 0x900000000

run_gateway b
expect b uplink.rx=699 pods.tx=697
run_gateway b # the same packets again
expect b uplink.rx=699 pods.tx=0
echo "restarted: a recording is refused, 699 of 699"

# The peer sent 3 * 2^32 packets in the meantime: 64 do not authenticate, and the rest of their burst.
for step in "second 3" "fourth 6"; do
	write_b "${step% *}.pcap"
	run_gateway b
	lost=$(counter b drop.esp_auth)
	[ "$lost" -ge 64 ] && [ "$lost" -le 192 ] || { cat b.txt; fail "$lost packets did not authenticate"; }
	expect_line state/journal " dir in "
	echo "a gap of ${step#* } * 2^32 packets: resynchronized after $lost packets"
	[ "${step% *}" != second ] || {
		write_b third.pcap # restarted with state beyond 2^32: nothing is lost
		run_gateway b
		expect b uplink.rx=699 pods.tx=697
		echo "restarted beyond 2^32: all 699 opened"
	}
done
for recorded in first second third fourth; do
	write_b $recorded.pcap
	run_gateway b
	expect b uplink.rx=699 pods.tx=0
done
echo "restarted: all four recordings are refused"
