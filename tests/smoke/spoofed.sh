#!/bin/bash
# A demand for encryption is never met by plaintext: what comes in by a clear port and says that it is
# from the peer's pods (A's port hears what B's pods said) is dropped by name, and nothing leaves.
. "$(dirname "$0")/lib.sh"

make_keys
write_conf a a "$(pcap 0 "$data/pods-b.pcap" pods.pcap)" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
gateway a
# 678 of them could have been passed on; those at their last hop are seen through before that.
expect_drops a not_ip=2 multicast=9 link_local=4 plain_from_peer=682
expect a uplink.tx=0 pods.tx=0
echo "682 packets from the peer's pods in clear: plain_from_peer"

# Beside true ones nothing of it comes through.
mergecap -F pcap -a -w both.pcap "$data/pods-a.pcap" "$data/pods-b.pcap"
write_conf a a "$(pcap 0 both.pcap pods.pcap)" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
gateway a
expect a uplink.tx=699 pods.tx=0 drop.plain_from_peer=682
esp_open --esp wire.pcap --conf a.yaml --input "$data/pods-a.pcap" --expect-only
echo "the same behind packets of our own pods: they alone were sealed"
