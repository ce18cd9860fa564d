#!/bin/bash
# Two strongSwan charons on the gateways' nodes negotiate by IKEv2 through espgate's exception ports, on UDP
# 500 and then 4500, while espgate sends its ESP in UDP on the same port 4500.
#
#   pods_a            gw_a                                    gw_b            pods_b
#                     [charon] k-wire 192.0.2.1    192.0.2.2 k-wire [charon]
#                                |                            |
#   10.244.1.2  <-->  clear [A] wire  <---- UDP 4500: ----> wire [B] clear  <-->  10.244.2.2
#                                       ESP of espgate's SAs,
#                                       IKE behind the non-ESP marker
#
# The charons' own CHILD_SAs carry no traffic: the allow list does not name their ESP.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
. "$root/tests/smoke/charon.inc.sh"
need_driver tap
for plugin in kernel-libipsec vici; do
	[ -e "/usr/lib/ipsec/plugins/libstrongswan-$plugin.so" ] || skip "charon has no plugin $plugin"
done
need curl
make_live_network
for gw in "$ns_gw_a" "$ns_gw_b"; do # the kernels must not accept the frames that af_packet delivers to espgate
	ip netns exec "$gw" sysctl -qw net.ipv4.conf.clear.rp_filter=1 net.ipv4.conf.wire.rp_filter=1 \
		net.ipv6.conf.default.disable_ipv6=0
done
peer_extra='udp_encap: true'
uplink_extra='kernel: {device: "net_tap0,iface=k-wire"}' # allow: [ike]
write_live_conf a
write_live_conf b
start_captured_pair

connection() { # NUMBER FAMILY: print a connection over that family
	local me=$1 other=$((3 - $1)) net=192.0.2.
	[ "$2" = 4 ] || net=2001:db8::
	cat <<-EOT
		  net$2 {
		    version = 2
		    local_addrs = $net$me
		    remote_addrs = $net$other
		    proposals = aes128-sha256-curve25519
		    local {
		      auth = psk
		      id = gw$me
		    }
		    remote {
		      auth = psk
		      id = gw$other
		    }
		    children {
		      child$2 {
		        local_ts = 10.99.$2$me.0/24
		        remote_ts = 10.99.$2$other.0/24
		        esp_proposals = aes256gcm16
		      }
		    }
		  }
	EOT
}
charon_conf() { # NAME NUMBER
	cat >"$1.strongswan" <<-EOT
		charon {
		  load = random nonce kdf sha1 sha2 hmac aes gcm curve25519 openssl kernel-libipsec kernel-netlink socket-default vici
		  filelog {
		    log {
		      path = $dir/$1.charon
		      default = 1
		      flush_line = yes
		    }
		  }
		}
	EOT
	{
		echo "connections {"
		connection "$2" 4
		connection "$2" 6
		printf '%s\n' "}" "secrets {" "  ike {" "    secret = \"of a test of espgate\"" "  }" "}"
	} >"$1.swanctl"
}
charon_conf a 1
charon_conf b 2
for family in 4 6; do # ends for the CHILD_SAs
	ip -n "$ns_gw_a" addr add 10.99.${family}1.1/32 dev lo
	ip -n "$ns_gw_b" addr add 10.99.${family}2.1/32 dev lo
done

start_charons gw_a a.charon gw_b b.charon

# Traffic between pods continues during all of this.
megabytes=20
serve b
ip netns exec "$ns_pods_a" curl -sS -g --limit-rate 5M --max-time 60 -o got.bin "$(url b 4)" &
curl=$!
pids+=($curl)
for family in 4 6; do
	swan a --initiate --child child$family || { cat swanctl.out a.charon; cat b.charon; fail "no IKE_SA over IPv$family"; }
	swan a --rekey --ike net$family || { cat swanctl.out; fail "no rekeying over IPv$family"; }
	until_true 20 grep -q "IKE_SA net$family.* rekeyed between" b.charon
	# A CHILD_SA of the charons is blocked: espgate lets out only its own ESP.
	ip netns exec "$ns_gw_a" ping -q -n -c 2 -i 0.2 -W 1 -I 10.99.${family}1.1 10.99.${family}2.1 >ping.out &&
		fail "the charons' ESP left by espgate's port"
	echo "IKE_SA over IPv$family: negotiated and rekeyed"
done
wait_status $curl || fail "the download failed"
cmp got.bin www-b/data.bin || fail "the download differs from the file"
grep -q "from 192.0.2.2\[4500\] to 192.0.2.1\[4500\]" a.charon || fail "IKE did not move to port 4500"

for name in a b; do
	pid=charon_$name
	kill "${!pid}"
	wait_status "${!pid}" || true
done
stop a "$a"
stop b "$b"
no_other_drops a multicast link_local kernel_denied udp_keepalive tx_full
no_other_drops b multicast link_local kernel_denied udp_keepalive tx_full
[ "$(counter a drop.kernel_denied)" -gt 0 ] || fail "no ESP of the charons was dropped"
for name in a b; do
	grep -qE "allowed in clear: ike in [0-9]{2,} out [0-9]{2,}$" $name.txt ||
		{ cat $name.txt; fail "$name did not count IKE"; }
done

# On the wire: ESP with espgate's two SPIs, IKE, keepalives, ARP and ND.
spi() { echo "$1 == 0x1001 or $1 == 0x2001 or $1 == 0"; }
allowed="arp or udp port 500 or (udp port 4500 and ($(spi 'udp[8:4]') or udp[8] == 0xff))
	or (ip6 and ip6[6] == 17 and ip6[42:2] == 4500 and ($(spi 'ip6[48:4]')))
	or (icmp6 and (ip6[40] == 135 or ip6[40] == 136))"
for side in "from-a $capture_a" "from-b $capture_b"; do
	read -r file listener <<<"$side"
	kill -INT "$listener"
	wait_status "$listener" || fail "tcpdump: $(cat $file.pcap.log)"
	[ -z "$(tcpdump -n -c 5 -r $file.pcap "not ($allowed)" 2>/dev/null)" ] ||
		fail "on the wire: $(tcpdump -n -c 5 -r $file.pcap "not ($allowed)" 2>/dev/null)"
	for want in "udp port 500" "udp port 4500 and udp[8:4] == 0" "ip6[42:2] == 4500 and ip6[48:4] == 0" \
		"udp port 4500 and (udp[8:4] == 0x1001 or udp[8:4] == 0x2001)"; do
		[ -n "$(tcpdump -n -c 1 -r $file.pcap "$want" 2>/dev/null)" ] || fail "$file: no $want"
	done
done
