#include <stdio.h>
#include <string.h>

#include "espgate/version.h"
#include "verbs.h"

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage, *text;
} verbs[] = {
	{"run", eg_verb_run, "-c FILE [--exit-when-idle DURATION] [-- EAL arguments]",
	 "forward, encrypt and decrypt until SIGINT or SIGTERM"},
	{"check", eg_verb_check, "-c FILE [--prove]",
	 "say what is wrong with a configuration; --prove: compare all of its policy with the "
	 "model"},
	{"explain", eg_verb_explain, "-c FILE [--json] SRC DST PROTO [PORT] | --mtu PEER",
	 "say whether policy allows a connection, and why; exit status 3: denied or "
	 "never forwarded, 4: denied, but only audited. --mtu: how long "
	 "a packet may be"},
	{"replay", eg_verb_replay, "-c FILE [--against OLD] CAPTURE",
	 "the verdict on every flow of a capture; exit status 3: OLD says otherwise of some"},
	{"keygen", eg_verb_keygen, "SUITE FILE",
	 "write a new key to FILE (mode 0600), or to standard output for -"},
};

static void usage(FILE *out)
{
	fprintf(out, "espgate %s: a packet-encryption gateway\n\n", EG_VERSION);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		fprintf(out, "  espgate %s %s\n      %s\n", verbs[i].name, verbs[i].usage,
			verbs[i].text);
}

int main(int argc, char **argv)
{
	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
		usage(stdout);
		return EG_EXIT_OK;
	}
	if (argc >= 2 && !strcmp(argv[1], "--version")) {
		printf("espgate %s\n", EG_VERSION);
		return EG_EXIT_OK;
	}
	for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	}
	usage(stderr);
	return EG_EXIT_USAGE;
}
