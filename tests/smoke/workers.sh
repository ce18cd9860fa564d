#!/bin/bash
# Four workers on the CPUs there are lose and repeat nothing: one SA shared by all; several SAs, each
# opened by its owner, to whom the others hand over.
#
#   4 captures -> 4 queues, 4 workers [A] -> wire.pcap -> [B] 4 workers -> opened.pcap
. "$(dirname "$0")/lib.sh"

last=$(($(nproc) - 1))
eal=(--lcores "0@0,1@0,2@$last,3@0,4@$last")
window=4096

# One capture a queue, in order: together they are the input.
editcap -F pcap -c 180 "$data/pods-a.pcap" queue.pcap
queues=$(printf ',rx_pcap=%s' queue_*.pcap)
[ "$(ls queue_*.pcap | wc -l)" -eq 4 ]

all_arrive() { # TX_PCAPS...: A's transmit queues
	make_keys
	write_conf a a "net_pcap0$queues" "net_pcap1,rx_pcap=$data/empty.pcap$(printf ',tx_pcap=%s' "$@")"
	write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
	gateway a
	[ $# -eq 1 ] || mergecap -F pcap -w wire.pcap "$@"
	gateway b
	expect_line a.log ": 4 workers, "
	expect_drops a "${drops_of_pods_a[@]}"
	expect a uplink.tx=699
	expect_drops b ttl_expired=2
	expect b uplink.rx=699 pods.tx=697
	# Finds sequence numbers and IVs that were used twice.
	esp_open --any-order --expect-only --esp wire.pcap --conf a.yaml
	pcap_equal --any-order --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
}

for esn in false true; do
	all_arrive wire.pcap
	expect a sa.0x00001001=699
	expect b sa.0x00001001=699
	echo "one SA, one transmit queue, esn=$esn: nothing lost"
done

# As many transmit queues as workers: nobody sends for another.
all_arrive wire-{0,1,2,3}.pcap
echo "one SA, four transmit queues: nothing lost"

# A's workers send on one SA each. At B one worker receives; the others own SAs.
sas=8
all_arrive wire.pcap
for spi in 1 2 3 4; do
	[ "$(counter a "sa.0x0000100$spi")" -gt 0 ] || fail "a: nothing sent on SA 0x100$spi"
	expect b "sa.0x0000100$spi=$(counter a "sa.0x0000100$spi")"
done
handed_over=$(counter b handed_over)
[ "$handed_over" -gt 0 ] || fail "b: nothing was handed over"
echo "eight SAs: nothing lost, $handed_over of 699 packets handed over"

# In UDP: the first worker that looks sends the keepalive; flows keep their order per source port.
encap='{source_ports: 16}' sas=1
packets=699
make_keys
write_conf a a "net_pcap0$queues" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
gateway a
gateway b
expect a made=1 uplink.tx=$((packets + 1))
expect_drops b ttl_expired=2 udp_keepalive=1
esp_open --any-order --expect-only --esp wire.pcap --conf a.yaml
pcap_equal --any-order --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
echo "in UDP from 16 ports: nothing lost, one keepalive"
