/* What the policy tests share. */
#ifndef POLICY_TESTS_H
#define POLICY_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "k8s/k8s.h"
#include "policy/policy.h"
#include "policy/prove.h"
#include "policy/reference.h"

int run_random_tests(void);
int run_rule_tests(void);
int run_compile_tests(void);
int run_explain_tests(void);
int run_quarantine_tests(void);
int run_budget_tests(void);

/* A small cluster (see test_rules.c) with policies as YAML, which are a file "policies.yaml". */
void yaml_cluster(const char *policies, struct eg_cluster *cluster);

/* "10.0.0.1 10.0.0.2 TCP 80 yes": the packet, and the word that follows it. */
struct eg_packet_key probe_key(const char *probe, char verdict[8]);

/* Compile, and fail the test with the messages where that fails. */
struct eg_policy *compile(const struct eg_cluster *cluster);

/* Fail the test with a description where tables and reference differ on the packet. */
void assert_agree(const struct eg_policy *policy, const struct eg_packet_key *key);

/* Small random clusters that are dense in coincidences: few labels, few addresses, nested prefixes.
 */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *rng);
uint32_t rng_below(struct rng *rng, uint32_t n);

/* Fill zeroed *cluster and index it. */
void random_cluster(struct rng *rng, struct eg_cluster *cluster);

/* A packet near something the cluster speaks about. */
struct eg_packet_key random_key(struct rng *rng, const struct eg_cluster *cluster);

#endif
