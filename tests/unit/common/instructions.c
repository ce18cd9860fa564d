#include "common/instructions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77

static const struct {
	const char *name;
	IMB_ARCH arch;
	void (*init)(IMB_MGR *mgr);
} sets[] = {
	{"sse", IMB_ARCH_SSE, init_mb_mgr_sse},
	{"avx2", IMB_ARCH_AVX2, init_mb_mgr_avx2},
	{"avx512", IMB_ARCH_AVX512, init_mb_mgr_avx512},
};

static bool multi_packet_off(void)
{
	const char *wanted = getenv("EG_MULTI_PACKET");

	return wanted && !strcmp(wanted, "off");
}

void __wrap_init_mb_mgr_auto(IMB_MGR *mgr, IMB_ARCH *arch)
{
	const char *wanted = getenv("EG_IMB");

	if (!wanted) {
		__real_init_mb_mgr_auto(mgr, arch);
		return;
	}
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		if (strcmp(wanted, sets[i].name))
			continue;
		sets[i].init(mgr);
		if (!imb_get_errno(mgr) && mgr->used_arch != sets[i].arch)
			abort();
		return;
	}
	fprintf(stderr, "EG_IMB=%s: sse, avx2 or avx512\n", wanted);
	exit(2);
}

bool __wrap_eg_gcm4_supported(void)
{
	return !multi_packet_off() && __real_eg_gcm4_supported();
}

bool __wrap_eg_chacha16_supported(void)
{
	return !multi_packet_off() && __real_eg_chacha16_supported();
}

/* Before main(). */
__attribute__((constructor)) static void check_cpu(void)
{
	const char *wanted = getenv("EG_IMB");
	IMB_MGR *mgr = wanted ? alloc_mb_mgr(0) : NULL;
	int error;

	if (!mgr)
		return;
	__wrap_init_mb_mgr_auto(mgr, NULL);
	error = imb_get_errno(mgr);
	free_mb_mgr(mgr);
	if (!error)
		return;
	printf("SKIP: this CPU cannot run IPsec-MB's code for %s: %s\n", wanted,
	       imb_get_strerror(error));
	exit(SKIPPED);
}
