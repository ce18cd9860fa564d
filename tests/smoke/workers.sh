#!/bin/bash
# Four workers lose and repeat nothing, with one SA shared by all of them, and with several SAs, each owned by one
# worker to which the others hand packets over.
#
#   4 captures -> 4 queues, 4 workers [A] -> wire.pcap -> [B] 4 workers -> opened.pcap
. "$(dirname "$0")/lib.sh"

last=$(($(nproc) - 1))
eal=(--lcores "0@0,1@0,2@$last,3@0,4@$last")
window=4096

# One capture per queue; together they are the input.
editcap -F pcap -c 180 "$data/pods-a.pcap" queue.pcap
queues=$(printf ',rx_pcap=%s' queue_*.pcap)
[ "$(ls queue_*.pcap | wc -l)" -eq 4 ]

expect_all_arrive() { # TX_PCAPS...: A's transmit queues
	make_keys
	write_conf a a "net_pcap0$queues" "net_pcap1,rx_pcap=$data/empty.pcap$(printf ',tx_pcap=%s' "$@")"
	write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
	run_gateway a
	[ $# -eq 1 ] || mergecap -F pcap -w wire.pcap "$@"
	run_gateway b
	expect_line a.log ": 4 workers, "
	expect_drops a "${drops_of_pods_a[@]}"
	expect a uplink.tx=699
	expect_drops b ttl_expired=2
	expect b uplink.rx=699 pods.tx=697
	# Finds repeated sequence numbers and IVs.
	esp_open --any-order --expect-only --esp wire.pcap --conf a.yaml
	pcap_equal --any-order --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
}

for esn in false true; do
	expect_all_arrive wire.pcap
	expect a sa.0x00001001=699
	expect b sa.0x00001001=699
	echo "one SA, one transmit queue, esn=$esn: nothing lost"
done

# As many transmit queues as workers: no worker sends for another.
expect_all_arrive wire-{0,1,2,3}.pcap
echo "one SA, four transmit queues: nothing lost"

# A's workers send on one SA each. At B one worker receives, and the others own SAs too.
sas=8
expect_all_arrive wire.pcap
for spi in 1 2 3 4; do
	[ "$(counter a "sa.0x0000100$spi")" -gt 0 ] || fail "a: nothing sent on SA 0x100$spi"
	expect b "sa.0x0000100$spi=$(counter a "sa.0x0000100$spi")"
done
handed_over=$(counter b handed_over)
[ "$handed_over" -gt 0 ] || fail "b: nothing was handed over"
echo "eight SAs: nothing lost, $handed_over of 699 packets handed over"

# In UDP: one worker sends the keepalive; flows stay in order per source port.
encap='{source_ports: 16}' sas=1
packets=699
make_keys
write_conf a a "net_pcap0$queues" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
run_gateway a
run_gateway b
expect a originated=1 uplink.tx=$((packets + 1))
expect_drops b ttl_expired=2 udp_keepalive=1
esp_open --any-order --expect-only --esp wire.pcap --conf a.yaml
pcap_equal --any-order --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
echo "in UDP from 16 ports: nothing lost, one keepalive"
