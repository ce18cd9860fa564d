#!/bin/bash
# net_af_xdp: ARP and ND, ping, UDP and downloads between pods through two gateways, and a link that goes
# down and comes back. (There is no capture of the wire: XDP takes frames before the kernel's taps.)
#
#   pods_a            gw_a                          gw_b            pods_b
#   10.244.1.2  <-->  clear [A] wire  <---ESP--->  wire [B] clear  <-->  10.244.2.2
#   fd00:1::2                                                           fd00:2::2
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need_driver af_xdp
need curl
export LSAN_OPTIONS="suppressions=$root/tests/smoke/lsan.supp print_suppressions=0"
make_live_network
af_packet() { echo "net_af_xdp$1,iface=$2"; }
inside "$ns_gw_a" ip link set wire mtu 1500 # XDP supports frames of at most a page
inside "$ns_gw_b" ip link set wire mtu 1500
write_live_conf a
write_live_conf b
# A also has a jumbo port, whose buffers are longer than a page: its net_af_xdp port then has a pool of its own.
sed -i 's/net_af_xdp0/net_af_packet0/; s/role: clear, mtu: 1400/role: clear, mtu: 9000/' a.yaml
grep -q 'net_af_packet0.*mtu: 9000' a.yaml || fail "$(cat a.yaml)"

# Not start_live_gateway, which fails: skip if this kernel has no AF_XDP, or no XDP on veth.
within=(ip netns exec "$ns_gw_a")
on_cpu 0
start a
within=()
if ! grep -q " workers, " a.log; then
	grep -E "Failed to create xsk socket|Failed to configure xdp|xsk_umem" a.log &&
		skip "no AF_XDP on veth here: $(grep -E 'Kernel error message|Failed' a.log | head -n 1)"
	fail "the gateway did not start"
fi
a=$pid
start_live_gateway b
b=$pid

until_true 10 ping_both_families
expect_pods_talk
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
until_true 10 ping_both_families

stop a "$a"
stop b "$b"
expect a "sa.0x00001001=$(counter b sa.0x00001001)"
no_other_drops a multicast link_local tx_full link_down neighbor_failed
no_other_drops b multicast link_local tx_full link_down neighbor_failed
echo "af_xdp: $(counter a uplink.tx) and $(counter b uplink.tx) packets on the wire"
