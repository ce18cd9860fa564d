#include <stdbool.h>
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
	{"show", eg_verb_show, "WHAT [--json] [--watch 1s] [--socket PATH]",
	 "what the running gateway does: ports, workers, peers, sas, routes, neighbors, "
	 "connections, policies, quarantined, drops, config, memory, health (exit status 3: it "
	 "does not forward)"},
	{"reload", eg_verb_reload, "[--json] [--socket PATH]",
	 "load the configuration's file again, wait until it is in force, and report what "
	 "changed; exit status 3: refused, nothing changed"},
	{"check", eg_verb_check, "-c FILE [--prove] [--policy | --offline]",
	 "report what is wrong with a configuration and what this machine lacks for it; --prove: "
	 "compare the whole policy with the reference model; --policy: policy and routes only, "
	 "without keys and state; --offline: the configuration of another machine"},
	{"explain", eg_verb_explain, "-c FILE [--json] SRC DST PROTO [PORT] | --mtu PEER",
	 "report whether policy allows a connection, and why; exit status 3: denied or never "
	 "forwarded, 4: denied, but only audited. --mtu: the longest packet that a peer's tunnel "
	 "carries"},
	{"replay", eg_verb_replay, "-c FILE [--against OLD] CAPTURE",
	 "print the verdict for every flow in a capture; exit status 3: OLD decides differently "
	 "for some"},
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

static void verb_usage(const struct verb *verb)
{
	printf("usage: espgate %s %s\n    %s\n", verb->name, verb->usage, verb->text);
}

static bool has_word(int argc, char **argv, const char *word)
{
	for (int i = 2; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], word))
			return true;
	}
	return false;
}

/* --help and --version also work after a verb. */
static bool handle_common_options(int argc, char **argv, const struct verb *verb)
{
	if (has_word(argc, argv, "--help"))
		verb_usage(verb);
	else if (has_word(argc, argv, "--version"))
		printf("espgate %s\n", EG_VERSION);
	else
		return false;
	return true;
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
			return handle_common_options(argc, argv, &verbs[i])
				       ? EG_EXIT_OK
				       : verbs[i].run(argc - 1, argv + 1);
	}
	usage(stderr);
	return EG_EXIT_USAGE;
}
