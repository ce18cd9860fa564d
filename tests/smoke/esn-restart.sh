#!/bin/bash
# A receiver that restarts, with ESN: it goes on far beyond 2^32 packets, finds a peer that sent 2^32
# and more meanwhile, and accepts no packet that was recorded before. An independent peer seals.
. "$(dirname "$0")/lib.sh"

esn=true
make_keys
mkdir -m 700 state
extra='state_dir: state'
b_with() { write_conf b b "$(pcap 0 "$data/empty.pcap")" "$(pcap 1 "$1")"; }
seal() { esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out "$1" --esn-start "$2"; }

b_with first.pcap
seal first.pcap 1
seal second.pcap 0x300000000
seal third.pcap 0x300000400
seal fourth.pcap 0x900000000

gateway b
expect b uplink.rx=699 pods.tx=697
gateway b # a recording
expect b uplink.rx=699 pods.tx=0
echo "restarted: a recording is refused, 699 of 699"

# The peer sent 3 x 2^32 packets meanwhile: 64 do not authenticate, and a few of the same burst.
for step in "second 3" "fourth 6"; do
	b_with "${step% *}.pcap"
	gateway b
	lost=$(counter b drop.esp_auth)
	[ "$lost" -ge 64 ] && [ "$lost" -le 192 ] || { cat b.txt; fail "$lost packets did not authenticate"; }
	expect_line state/journal " dir in "
	echo "a gap of ${step#* } x 2^32 packets: open after $lost"
	[ "${step% *}" != second ] || {
		b_with third.pcap # state beyond 2^32, restarted, and nothing is lost
		gateway b
		expect b uplink.rx=699 pods.tx=697
		echo "restarted beyond 2^32: all 699 opened"
	}
done
for recorded in first second third fourth; do
	b_with $recorded.pcap
	gateway b
	expect b uplink.rx=699 pods.tx=0
done
echo "restarted: all four recordings are refused"
