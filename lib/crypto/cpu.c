/* What the CPU offers to the code that computes several packets at a time. */
#include <cpuid.h>

#include "crypto/chacha16.h"
#include "crypto/gcm4.h"

#define LEAF_FEATURES 7
#define ECX_VAES      (1u << 9)
#define ECX_VPCLMUL   (1u << 10)

/* This also checks that the system saves the registers (XGETBV). */
static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("bmi2");
}

bool eg_gcm4_supported(void)
{
	unsigned eax, ebx, ecx, edx;

	return has_avx512() && __builtin_cpu_supports("aes") &&
	       __get_cpuid_count(LEAF_FEATURES, 0, &eax, &ebx, &ecx, &edx) && (ecx & ECX_VAES) &&
	       (ecx & ECX_VPCLMUL);
}

bool eg_chacha16_supported(void)
{
	return has_avx512() && __builtin_cpu_supports("avx512ifma");
}
