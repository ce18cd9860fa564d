/* Shared by the tests of lib/policy. */
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

/* A small cluster (see test_rules.c) with policies as YAML, in a file "policies.yaml". */
void yaml_cluster(const char *policies, struct eg_cluster *cluster);

/* Parses "10.0.0.1 10.0.0.2 TCP 80 yes": a packet and the word after it. */
struct eg_packet_key probe_key(const char *probe, char verdict[8]);

/* Compile; on an error fail the test with its messages. */
struct eg_policy *compile(const struct eg_cluster *cluster);

/* Fail the test with a description if tables and reference model differ on the packet. */
void assert_agree(const struct eg_policy *policy, const struct eg_packet_key *key);

/* Small random clusters full of coincidences: few labels, few addresses, nested prefixes. */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *rng);
uint32_t rng_below(struct rng *rng, uint32_t n);

/* Fill zeroed *cluster and index it. */
void random_cluster(struct rng *rng, struct eg_cluster *cluster);

/* A packet near an address or port that occurs in the cluster. */
struct eg_packet_key random_key(struct rng *rng, const struct eg_cluster *cluster);

#endif
