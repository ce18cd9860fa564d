#!/bin/bash
# Plain packets with sources in a peer's subnets: on a clear port they are dropped as plain_from_peer and never
# forwarded, because they should have come through the tunnel. (A's pods port receives the packets of B's pods.)
#
#   pods-b.pcap, pods-a.pcap -> pods [A] -> wire.pcap
. "$(dirname "$0")/lib.sh"

make_keys
write_conf a a "$(pcap 0 "$data/pods-b.pcap" pods.pcap)" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
run_gateway a
# 678 of the 682 are forwardable; the source is checked before the TTL.
expect_drops a not_ip=2 multicast=9 link_local=4 plain_from_peer=682
expect a uplink.tx=0 pods.tx=0
echo "682 packets from the peer's pods in clear: plain_from_peer"

# Mixed with A's own packets, none of them passes.
mergecap -F pcap -a -w both.pcap "$data/pods-a.pcap" "$data/pods-b.pcap"
write_conf a a "$(pcap 0 both.pcap pods.pcap)" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
run_gateway a
expect a uplink.tx=699 pods.tx=0 drop.plain_from_peer=682
esp_open --esp wire.pcap --conf a.yaml --input "$data/pods-a.pcap" --expect-only
echo "the same after packets of A's own pods: only those were sealed"
