#!/bin/bash
# Pods whose kernel leaves checksums to a device that is none, as on every veth by default: TCP, UDP and
# downloads pass all the same, and the port says at its start what it cannot do, with the command that
# helps. The network is drawn in live.inc.sh.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=3
pods_offload="tx on tso off gso off"
make_live
inside "$ns_pods_a" ethtool -k eth0 | grep -q "^tx-checksumming: on" || skip "this kernel's veth has no checksum offload"
write_live_conf a
write_live_conf b
live_gateway a
a=$pid
live_gateway b
b=$pid
expect_line a.log "warning port: pods: net_af_packet cannot tell partial checksums"
expect_line a.log "on the interface that sends to clear (veth): ethtool -K IFACE tx off"
talk() { inside "$ns_pods_a" ping -q -n -c 1 -W 1 10.244.2.2 && inside "$ns_pods_a" ping -q -n -c 1 -W 1 fd00:2::2; }
until_true 10 talk >talk.out 2>&1
pods_talk
serve a
serve b
for version in 4 6; do
	download a $version
	download b $version
done
stop a "$a"
stop b "$b"
echo "partial checksums: $(counter a uplink.tx) and $(counter b uplink.tx) packets on the wire"
