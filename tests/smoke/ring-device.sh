#!/bin/bash
# net_ring: the ring returns what is sent into it. The gateway's own ESP comes back and is dropped as
# esp_not_local.
#
#   pods-a.pcap -> [A] -> ring -,
#                      <--------'
. "$(dirname "$0")/lib.sh"
need_driver ring

make_keys
write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "net_ring0"
run_gateway a
expect_drops a "${drops_of_pods_a[@]}" esp_not_local=699
expect a uplink.tx=699 uplink.rx=699 sa.0x00001001=699
