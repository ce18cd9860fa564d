#!/bin/bash
# Every gateway configuration under conf/ passes `espgate check`, with new keys for its suites and with the
# policies and inventories that it names.
. "$(dirname "$0")/lib.sh"

cp -r "$root/conf" .
cat >key_files.py <<'EOF'
import sys, yaml
for peer in yaml.safe_load(open(sys.argv[1])).get("peers", {}).values():
    for sa in peer["sas"]:
        print(sa["suite"], sa["key_file"])
EOF
n=0
while read -r example; do
	"$python" key_files.py "$example" | while read -r suite key; do
		key=$(realpath -m "$(dirname "$example")/$key")
		[[ $key == "$dir"/* ]] || fail "$example: $key is an absolute path"
		mkdir -p "$(dirname "$key")"
		[ -e "$key" ] || "$espgate" keygen "$suite" "$key"
	done
	state=$("$python" -c 'import sys, yaml; print(yaml.safe_load(open(sys.argv[1])).get("state_dir", ""))' "$example")
	[ -z "$state" ] || mkdir -m 700 "$(dirname "$example")/$state"
	expect_status 0 "$espgate" check --offline -c "$example" # this machine lacks their devices
	n=$((n + 1))
done < <(grep -rlE '^ports:' --include='*.yaml' conf)
[ $n -gt 0 ] || fail "no examples"
