/* Force instruction sets upon lib/crypto, whatever the CPU is best at. Two environment variables:
 *
 *   EG_IMB=sse|avx2|avx512   IPsec-MB's code for that instruction set
 *   EG_MULTI_PACKET=off      no code of our own that computes several packets at a time
 *
 * For test programs only: they are linked with replacements of init_mb_mgr_auto() and
 * eg_*_supported(), so the gateway itself has no such switch. A program ends with status 77
 * (skipped) and the reason if the CPU lacks the instructions. */
#ifndef TEST_COMMON_INSTRUCTIONS_H
#define TEST_COMMON_INSTRUCTIONS_H

#include <intel-ipsec-mb.h>
#include <stdbool.h>

void __wrap_init_mb_mgr_auto(IMB_MGR *mgr, IMB_ARCH *arch);
void __real_init_mb_mgr_auto(IMB_MGR *mgr, IMB_ARCH *arch);
bool __wrap_eg_gcm4_supported(void);
bool __real_eg_gcm4_supported(void);
bool __wrap_eg_chacha16_supported(void);
bool __real_eg_chacha16_supported(void);

#endif
