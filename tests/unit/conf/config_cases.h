/* Configuration snippets, and tables of invalid configurations. */
#ifndef CONFIG_CASES_H
#define CONFIG_CASES_H

#include "conf_tests.h"

#define V  "version: 1\n"
#define P  "ports: {c: {device: d0, role: clear}, u: {device: d1, role: encrypted, rx_queues: 4}}\n"
#define VP V P

/* One neighbor per port: 192.0.2.2 (encrypted) and 10.9.0.2 (clear). */
#define N                                                                                          \
	"neighbors: [{port: u, ip: 192.0.2.2, mac: 02:00:00:00:00:02},\n"                          \
	"            {port: c, ip: 10.9.0.2, mac: 02:00:00:00:00:09}]\n"

struct config_case {
	const char *text;
	const char *lines; /* all messages; the configuration is rejected if one is an error */
};

/* The file is called "t". state_dir is appended to a text with SAs but without one, because most
 * suites require it. */
void run_config_cases(const struct config_case *cases, size_t n);

#endif
