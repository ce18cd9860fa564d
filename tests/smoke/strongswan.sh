#!/bin/bash
# Interoperability with strongSwan: two charons with userspace ESP (kernel-libipsec) negotiate each suite by
# IKEv2 and rekey it. With the keys from their log, espgate opens their ESP from the wire, byte for byte what
# went into their tunnel, in both directions and across the rekeying.
#
#   10.244.1.2 -- ipsec0 [charon a] wire 192.0.2.1 --- 192.0.2.2 wire [charon b] ipsec0 -- 10.244.2.2
#                   |                                   |
#                sent-a.pcap                         wire-a.pcap -> [espgate as b] -> opened-b.pcap
#
# kernel-libipsec always uses UDP encapsulation; it has tunnel mode only, and no ESN.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/charon.inc.sh"
for plugin in kernel-libipsec chapoly ctr vici; do
	[ -e "/usr/lib/ipsec/plugins/libstrongswan-$plugin.so" ] || skip "charon has no plugin $plugin"
done
need tcpdump
make_namespaces a b
suites="aes256gcm16 aes128-sha256 chacha20poly1305 aes256ctr-sha256"

ip -n "$ns_a" link add wire type veth peer name wire netns "$ns_b"
for n in 1 2; do
	ns=ns_a
	[ $n = 1 ] || ns=ns_b
	ip -n "${!ns}" link set wire up
	ip -n "${!ns}" addr add 192.0.2.$n/24 dev wire
	ip -n "${!ns}" addr add 10.244.$n.2/32 dev lo
done

# The log contains keys: it is in the one folder where keys are allowed.
charon_conf() { # NAME NUMBER SUITES_OF_CHILDREN
	local name=$1 me=$2 other=$((3 - $2)) child
	shift 2
	cat >"$name.strongswan" <<-EOF
		charon {
		  load = random nonce kdf sha1 sha2 hmac aes gcm ctr chapoly curve25519 openssl kernel-libipsec kernel-netlink socket-default vici
		  filelog {
		    log {
		      path = $dir/keys/$name.log
		      default = 1
		      chd = 4
		      flush_line = yes
		    }
		  }
		}
	EOF
	{
		cat <<-EOF
			connections {
			  net {
			    version = 2
			    local_addrs = 192.0.2.$me
			    remote_addrs = 192.0.2.$other
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
		EOF
		for child; do
			cat <<-EOF
				      ${child%%,*} {
				        local_ts = 10.244.$me.0/24
				        remote_ts = 10.244.$other.0/24
				        esp_proposals = $child
				      }
			EOF
		done
		cat <<-EOF
			    }
			  }
			}
			secrets {
			  ike {
			    secret = "of a test of espgate"
			  }
			}
		EOF
	} >"$name.swanctl"
}
# The responder uses the first child whose selectors match, so it has one child with all suites.
charon_conf a 1 $suites
charon_conf b 2 "$(tr ' ' ',' <<<"$suites")"

start_charons a keys/a.log b keys/b.log

start_capture() { # NAMESPACE INTERFACE in|out FILE
	ip netns exec "$1" tcpdump -i "$2" -Q "$3" --immediate-mode -U -Z root -s 0 -w "$4" 2>"$4.log" &
	pids+=($!)
	listeners+=($!)
	until_true 5 grep -q listening "$4.log"
}
listeners=()
start_capture "$ns_b" wire in wire-a.pcap
start_capture "$ns_a" wire in wire-b.pcap
start_capture "$ns_a" ipsec0 out sent-a.pcap
start_capture "$ns_b" ipsec0 out sent-b.pcap

for ns in "$ns_a" "$ns_b"; do
	ip netns exec "$ns" "$python" "$root/tests/smoke/udp_echo.py" serve 7 >"$ns.udp" &
	pids+=($!)
	until_true 5 grep -q ready "$ns.udp"
done
exchange_datagrams() {
	ip netns exec "$ns_a" "$python" "$root/tests/smoke/udp_echo.py" ask 10.244.2.2 7 || fail "a to b"
	ip netns exec "$ns_b" "$python" "$root/tests/smoke/udp_echo.py" ask 10.244.1.2 7 || fail "b to a"
}
for suite in $suites; do
	swan a --initiate --child $suite || { cat swanctl.out; fail "initiate $suite"; }
	exchange_datagrams
	swan a --rekey --child $suite || { cat swanctl.out; fail "rekey $suite"; }
	exchange_datagrams
	swan a --terminate --child $suite || { cat swanctl.out; fail "terminate $suite"; }
done
# 66 sizes and their echoes, twice per suite and direction: all are in the captures before these end.
stop_capture "$ns_a" wire wire-a.pcap "${listeners[0]}"
stop_capture "$ns_b" wire wire-b.pcap "${listeners[1]}"
whole() { [ "$(tcpdump -n -r "$1" udp 2>/dev/null | wc -l)" -ge $((4 * 66 * $(wc -w <<<"$suites"))) ]; }
for n in 2 3; do
	until_true 10 whole "$([ $n = 2 ] && echo sent-a.pcap || echo sent-b.pcap)"
	kill -INT "${listeners[n]}"
	wait_status "${listeners[n]}" || fail "tcpdump failed"
done

# Eight SAs in each direction.
"$python" "$root/tests/smoke/strongswan_conf.py" keys/a.log keys
for name in a b; do
	other=$([ $name = a ] && echo b || echo a)
	sed "s|EMPTY|$data/empty.pcap|; s|WIRE|wire-$other.pcap|; s|OPENED|opened-$name.pcap|" \
		keys/$name.yaml >$name.yaml
	run_gateway $name
	sent=$("$python" -c 'import sys; sys.path.insert(0, sys.argv[1]); import wire
print(sum(frame[0] >> 4 == 4 for _, frame in wire.read_pcap(sys.argv[2])[1]))' "$root/tests/peer" sent-$other.pcap)
	expect $name pods.tx="$sent"
	[ "$sent" -ge 1000 ] || fail "only $sent packets"
	no_other_drops $name not_ip multicast link_local plain_on_encrypted udp_non_esp # IKE
	[ "$(counter $name drop.udp_non_esp)" -gt 0 ] || fail "$name: no IKE seen"
	to=$([ $name = a ] && echo 10.244.1.0/24 || echo 10.244.2.0/24)
	pcap_equal --ttl-delta 1 --to "$to" sent-$other.pcap opened-$name.pcap
	[ "$(counters $name | grep -c '^sa\.')" -eq 8 ] || fail "$name: not all SAs were used"
	echo "from $other: $(cat pcap_equal.out)"
done
rm keys/*.log keys/*.yaml # leave only keys, which no other file may contain
