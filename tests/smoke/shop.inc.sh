# Sourced behind lib.sh: a cluster of three pods, whose policies a test spoils. db may go anywhere by a
# policy of its own, and must go on; far is behind the other gateway; web is the tenant's that errs.
# shellcheck shell=bash
mkdir policies inventory

# write_shop NAMESPACE_OF_WEB: inventory/all.yaml and policies/db.yaml
write_shop() {
	cat >inventory/all.yaml <<-EOF
		{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
		---
		{apiVersion: v1, kind: Namespace, metadata: {name: mall}}
		---
		{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: $1, labels: {app: web}}, status: {podIP: 10.244.1.2}}
		---
		{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}, status: {podIP: 10.244.1.3}}
		---
		{apiVersion: v1, kind: Pod, metadata: {name: far, namespace: shop}, status: {podIP: 10.244.2.2}}
	EOF
	cat >policies/db.yaml <<-EOF
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: db, namespace: shop}
		spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: [{}]}
	EOF
}
