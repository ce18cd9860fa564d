#!/bin/bash
# Partial checksums: the pods' kernels leave checksums to the device, as on every veth by default. TCP, UDP and
# downloads still pass, and the port logs a warning at start with the command that avoids this.
#
#   pods_a            gw_a                          gw_b            pods_b
#   10.244.1.2  <-->  clear [A] wire  <---ESP--->  wire [B] clear  <-->  10.244.2.2
#   tx checksum offload on                                              tx checksum offload on
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=3
pods_offload="tx on tso off gso off"
make_live_network
inside "$ns_pods_a" ethtool -k eth0 | grep -q "^tx-checksumming: on" || skip "this kernel's veth has no checksum offload"
write_live_conf a
write_live_conf b
start_live_gateway a
a=$pid
start_live_gateway b
b=$pid
expect_line a.log "warning port: pods: net_af_packet does not flag partial checksums"
expect_line a.log "on the interface that sends to clear (veth): ethtool -K IFACE tx off"
until_true 10 ping_both_families
expect_pods_talk
serve a
serve b
for version in 4 6; do
	download a $version
	download b $version
done
stop a "$a"
stop b "$b"
echo "partial checksums: $(counter a uplink.tx) and $(counter b uplink.tx) packets on the wire"
