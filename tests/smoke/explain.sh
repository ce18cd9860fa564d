#!/bin/bash
# explain's exit status: 0 allowed; 3 denied or never forwarded (no route, multicast, link-local, martian
# addresses, in clear by an encrypted port); 4 denied but only audited; 2 wrong arguments.
. "$(dirname "$0")/lib.sh"

"$espgate" keygen aes256gcm16 keys/a-to-b.key
"$espgate" keygen aes256gcm16 keys/b-to-a.key
cp -r "$root"/conf/policy/{policies,inventory} .
sed 's|\.\./demo/keys|keys|' "$root/conf/policy/gateway.yaml" >enforce.yaml
sed 's/mode: enforce/mode: audit/' enforce.yaml >audit.yaml

expect_explain() { # STATUS CONFIG VERDICT ARGUMENTS...: the first line ends with VERDICT; --json is valid
	local status=$1 conf=$2 first=$3
	shift 3
	expect_status "$status" "$espgate" explain -c "$conf.yaml" "$@" >out 2>err
	head -n 1 out | grep -qF -- ": $first" || { cat out err; fail "$conf: $*: expected $first"; }
	expect_status "$status" "$espgate" explain --json -c "$conf.yaml" "$@" >json 2>err
	"$python" -c 'import json, sys; json.load(open("json"))' || fail "not valid JSON"
}

web=10.244.1.2 api=10.244.2.2
for conf in enforce audit; do
	expect_explain 0 $conf ALLOWED $web $api tcp 80
	expect_explain 3 $conf "NEVER FORWARDED: dropped as no_route" 198.51.100.1 203.0.113.1 tcp 80
	expect_explain 3 $conf "NEVER FORWARDED: dropped as multicast" 198.51.100.1 224.0.0.5 89
	expect_explain 3 $conf "NEVER FORWARDED: dropped as multicast" 2001:db8::1 ff02::1 udp 53
	expect_explain 3 $conf "NEVER FORWARDED: dropped as link_local" 198.51.100.1 169.254.169.254 tcp 80
	expect_explain 3 $conf "NEVER FORWARDED: dropped as link_local" 2001:db8::1 fe80::1 tcp 80
	expect_explain 3 $conf "NEVER FORWARDED: dropped as martian" 198.51.100.1 127.0.0.1 tcp 80
	grep -q '"drop": "martian"' json || fail "the JSON lacks drop"
done
expect_explain 3 enforce "DENIED" $web $api tcp 81
! grep -q audit out || fail "enforce mode mentions audit"
expect_explain 4 audit "DENIED (audit: would be denied, but passes)" $web $api tcp 81
grep -q '"audit": true, "drop": null' json || fail "the JSON lacks audit"
expect_explain 3 audit "DENIED (audit: would be denied, but passes)" $web 224.0.0.5 udp 5
expect_line out "route: none: "
expect_status 2 "$espgate" explain -c enforce.yaml $web $api tcp http >out 2>err
expect_line err 'espgate explain: "http" is not a port number (0-65535)'
expect_status 2 "$espgate" explain -c enforce.yaml $web $api tcp >out 2>err
expect_line err 'espgate explain: tcp requires a destination port'
