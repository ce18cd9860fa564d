#!/bin/bash
# check and run refuse a configuration with mistakes: exit status 1, and every mistake at once, with its
# position, what is wrong and what was probably meant.
. "$(dirname "$0")/lib.sh"

make_keys
write_conf good a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap")"
expect_status 0 "$espgate" check -c good.yaml >out 2>err
expect_line out "good.yaml: no errors"
expect_line out "  2 ports, 1 peers, 2 SAs, 4 routes"

# A small example with one mistake.
mkdir -m 700 state
cat >gateway.yaml <<-'EOF'
	version: 1
	ports:
	  uplink:
	    device: "net_null0"
	    role: encrypted
	  pods:
	    device: "net_null1"
	    role: clear
	neighbors:
	  - port: uplink
	    ip: 192.0.2.2
	    mac: "02:00:00:00:00:02"
	routes:
	  - to: 10.244.1.0/24
	    port: pods
	peers:
	  node-b:
	    local: 192.0.2.1
	    remote: 192.0.2.2
	    subnets:
	      - 10.244.2.0/24
	    sas:
	    - dir: out
	      spi: 0x1001
	      suite: aes256gcm16
	      key_file: keys/a-to-b-1.key
	    - dir: in
	      spi: 0x2001
	      key_file: keys/b-to-a-1.key
	      suite:
	        "aes-gcm-256"
	state_dir: state
EOF
expect_refused() { # FILE MESSAGE...: exactly these messages, in this order
	local file=$1 verb
	shift
	for verb in "check -c $file" "run -c $file --exit-when-idle 100ms"; do
		expect_status 1 "$espgate" $verb >out 2>err
		[ ! -s out ] || fail "espgate $verb: output on stdout"
		diff <(printf '%s\n' "$@") <(grep '^[^ ]*:[0-9]*:[0-9]*: ' err) || fail "espgate $verb: other errors (< expected, > printed)"
	done
}
expect_refused gateway.yaml \
	'gateway.yaml:31:9: peers.node-b.sas[1].suite: unknown "aes-gcm-256" (did you mean "aes256gcm16"?)'

# Several mistakes: one line for each.
sed -e 's/role: clear/roll: clear/' -e 's/0x1001/4096M/' -e 's/10.244.2.0\/24/10.244.2.1\/24/' \
	-e 's/"aes-gcm-256"/aes256gcm16/' gateway.yaml >several.yaml
expect_refused several.yaml \
	'several.yaml:8:5: ports.pods: unknown key "roll" (did you mean "role"?)' \
	'several.yaml:6:3: ports.pods: missing key "role"' \
	'several.yaml:21:9: peers.node-b.subnets[0]: 10.244.2.1/24 has host bits set (did you mean 10.244.2.0/24?)' \
	'several.yaml:24:12: peers.node-b.sas[0].spi: expected a number, found "4096M"'
