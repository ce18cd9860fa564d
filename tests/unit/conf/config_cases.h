/* Pieces of configurations, and tables of those that are wrong. */
#ifndef CONFIG_CASES_H
#define CONFIG_CASES_H

#include "conf_tests.h"

#define V  "version: 1\n"
#define P  "ports: {c: {device: d0, role: clear}, u: {device: d1, role: encrypted, rx_queues: 4}}\n"
#define VP V P

/* A neighbor on each port, at 192.0.2.2 (encrypted) and 10.9.0.2 (clear). */
#define N                                                                                          \
	"neighbors: [{port: u, ip: 192.0.2.2, mac: 02:00:00:00:00:02},\n"                          \
	"            {port: c, ip: 10.9.0.2, mac: 02:00:00:00:00:09}]\n"

struct config_case {
	const char *text;
	const char *lines; /* all messages; refused where one of them is an error */
};

/* The file's name is "t". A text with SAs but no state_dir gets one as its last line: most suites
 * are refused without. */
void run_config_cases(const struct config_case *cases, size_t n);

#endif
