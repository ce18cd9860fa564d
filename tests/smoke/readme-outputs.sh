#!/bin/bash
# The outputs quoted in README.md are what this version prints: the demo's drops, a statistics block, a drop
# sample, explain, and the errors of check. Numbers and times may differ, except in explain and check.
#
#   pods-a.pcap -> [A] -> wire.pcap -> [B] -> opened.pcap
. "$(dirname "$0")/lib.sh"

"$espgate" keygen aes256gcm16 keys/a-to-b.key
"$espgate" keygen aes256gcm16 keys/b-to-a.key
cp "$root"/conf/demo/gateway-*.yaml .
cp "$data"/{pods-a,empty}.pcap .
mkdir -m 700 state-{a,b,policy} state

# quoted FIRST_LINE: print the README block that begins with this line, without it if it is a command
quoted() {
	awk -v first="$1" '
		/^```/ { inside = !inside; part = 0; next }
		inside && index($0, first) == 1 { part = 1; if (first ~ /^\$/) next }
		inside && part' "$root/README.md"
}

any_number() { sed -E 's/[0-9]+(\.[0-9]+)?/N/g; s/ +/ /g; s/ $//'; }

expect_quoted() { # NAME FILTER: files NAME.readme and NAME.printed are equal after the filter
	[ -s "$1.readme" ] || fail "README has no block for: $1"
	diff <("$2" <"$1.readme") <("$2" <"$1.printed") ||
		fail "README quotes another output (< README, > this version): $1"
}

for gateway in a b; do
	run_gateway gateway-$gateway
	sed -n "/^  drops/,/^  [ct]/s/^    /  $gateway  /p" gateway-$gateway.txt
done >demo.printed
quoted "gateway  job" | grep -E '^  [ab]  ' >demo.readme
expect_quoted demo cat

cp -r "$root"/conf/policy/{policies,inventory} .
sed 's|\.\./demo/keys|keys|' "$root/conf/policy/gateway.yaml" >gateway.yaml
run_gateway gateway
grep -v '^$' gateway.txt >statistics.printed
quoted "---- espgate after" >statistics.readme
expect_quoted statistics any_number

expect_status 3 "$espgate" explain -c gateway.yaml shop/batch-0 vault/ledger-0 tcp 5201 >explain.printed
quoted '$ espgate explain -c gateway.yaml shop/batch-0' >explain.readme
expect_quoted explain cat

# README's sample is folded into several lines. Samples are random: this one is made on purpose.
"$root/tests/smoke/flows_pcap.py" pods-a.pcap 10.244.1.2,10.244.2.2,icmp,7
run_gateway gateway
one_line() { tr '\n' ' ' | any_number | sed 's/^[^ ]* //'; }
grep ' esp: drop=' gateway.log >sample.printed
quoted 2026- >sample.readme
expect_quoted sample one_line

sed -e 's/{port: pods, ip: 10.244.1.254/{port: uplnk, ip: 10.244.1.254/' \
	-e '0,/suite: aes256gcm16/s//suite: aes-gcm-256/' "$root/conf/gateway.yaml" >gateway.yaml
expect_status 1 "$espgate" check --offline -c gateway.yaml >check.printed 2>&1
quoted '$ espgate check -c gateway.yaml' >check.readme
expect_quoted check cat
