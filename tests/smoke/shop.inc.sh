# Sourced after lib.sh: a cluster of three pods whose policies a scenario damages. web belongs to the tenant
# that makes the mistake. db has a policy of its own that allows all egress, and must not be affected. far is
# behind the other gateway.
# shellcheck shell=bash
mkdir policies inventory

# write_shop NAMESPACE_OF_WEB: write inventory/all.yaml and policies/db.yaml
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
