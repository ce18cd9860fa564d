/* A table of tunnels with a real SA store and RCU, and short ways to make what goes into it. */
#ifndef TUNNEL_HARNESS_H
#define TUNNEL_HARNESS_H

#include "common/test.h"

#include "common/random.h"
#include "sa/store.h"
#include "tunnel/table.h"

#define WORKERS 3

struct scene {
	struct eg_rcu rcu;
	struct eg_sa_store *store;
	struct eg_tunnels tunnels;
};

void scene_start(struct scene *scene);
void scene_end(struct scene *scene); /* everything is freed, or the test fails */

/* Two polls: what was deferred before is freed, as no worker is online. */
void scene_settle(struct scene *scene);

struct eg_ip ip(const char *text);

/* A plain ESP tunnel over IPv4 from 192.0.2.1 to 192.0.2.(2 + n). */
struct eg_tunnel_spec spec_of(const char *name, unsigned n);

/* An SA with a key of its own for each (kind, spi, key); a reference for the caller. */
struct eg_sa *sa_of(struct scene *scene, enum eg_sa_kind kind, uint32_t spi, unsigned key);

/* "in 1001, out 1002 pending 500, ..." in the list's order; out[256]. */
const char *sas_text(const struct scene *scene, uint32_t id, char *out);

/* The SPIs of the set that workers send by: "1002 1003"; out[256]. */
const char *out_text(const struct scene *scene, uint32_t id, char *out);

int run_ids_tests(void);
int run_timers_tests(void);
int run_table_tests(void);
int run_sas_tests(void);
int run_rekey_tests(void);
int run_oracle_tests(void);
int run_threads_tests(void);
int run_liveness_tests(void);
int run_endpoint_tests(void);
int run_pmtu_tests(void);
int run_generation_tests(void);

#endif
