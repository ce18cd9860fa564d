#!/bin/bash
# Real programs talk through two gateways on net_af_xdp, the sibling of live.sh: ARP and ND, ping, UDP,
# downloads, and a link that goes and comes. The network is drawn in live.inc.sh. No sniffer here: XDP
# takes frames before the kernel's taps see them.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need_driver af_xdp
need curl
export LSAN_OPTIONS="suppressions=$root/tests/smoke/lsan.supp print_suppressions=0"
make_live
af_packet() { echo "net_af_xdp$1,iface=$2"; }
inside "$ns_gw_a" ip link set wire mtu 1500 # XDP takes frames of up to a page
inside "$ns_gw_b" ip link set wire mtu 1500
write_live_conf a
write_live_conf b
# A has a jumbo port too, whose buffers are longer than a page: its net_af_xdp port has its own then.
sed -i 's/net_af_xdp0/net_af_packet0/; s/role: clear, mtu: 1400/role: clear, mtu: 9000/' a.yaml
grep -q 'net_af_packet0.*mtu: 9000' a.yaml || fail "$(cat a.yaml)"

# live_gateway fails where the kernel has no AF_XDP, or no XDP on veth: that is no fault of ours.
within=(ip netns exec "$ns_gw_a")
on_cpu 0
start a
within=()
if ! grep -q " workers, " a.log; then
	grep -E "Failed to create xsk socket|Failed to configure xdp|xsk_umem" a.log &&
		skip "no AF_XDP on veth here: $(grep -E 'Kernel error message|Failed' a.log | head -n 1)"
	fail "the gateway does not start"
fi
a=$pid
live_gateway b
b=$pid

talk() { inside "$ns_pods_a" ping -q -n -c 1 -W 1 10.244.2.2 && inside "$ns_pods_a" ping -q -n -c 1 -W 1 fd00:2::2; }
until_true 10 talk
pods_talk
megabytes=5
serve a
serve b
for version in 4 6; do
	download a $version
	download b $version
done
inside "$ns_gw_b" ip link set wire down
until_true 10 grep -q " uplink: link is down" a.log
inside "$ns_gw_b" ip link set wire up
until_true 10 grep -q " uplink: link is up" a.log
until_true 10 talk

stop a "$a"
stop b "$b"
expect a "sa.0x00001001=$(counter b sa.0x00001001)"
no_other_drops a multicast link_local tx_full link_down neighbor_failed
no_other_drops b multicast link_local tx_full link_down neighbor_failed
echo "af_xdp: $(counter a uplink.tx) and $(counter b uplink.tx) packets on the wire"
