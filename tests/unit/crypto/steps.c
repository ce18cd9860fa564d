#include "crypto/steps.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_MAX 60000

void require_unsanitized(void)
{
	if (!SANITIZED)
		return;
	print_message("SKIP: a sanitizer's own branches are not what this test is about\n");
	skip();
}

/* One call in a child, between two instructions that stop it. */
static void traced_child(struct burst *b, void (*function)(struct burst *b))
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	__asm__ volatile("int3"); /* SIGTRAP: the trace begins */
	function(b);
	__asm__ volatile("ud2"); /* SIGILL: it ends */
	_exit(0);
}

/* General registers at each step, but for flags, which hold nothing that is not used: a branch on
 * them shows in rip. */
struct step {
	uint64_t reg[16];
};

static void note_step(pid_t child, struct step *step)
{
	struct user_regs_struct r;

	assert_int_equal(ptrace(PTRACE_GETREGS, child, NULL, &r), 0);
	*step = (struct step){{r.rip, r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
			       r.r9, r.r10, r.r11, r.r12, r.r13, r.r14}};
}

/* Single-step the child. Returns the number of steps; 0: the system allows no tracing. */
static unsigned trace(struct burst *b, void (*function)(struct burst *b), struct step *steps)
{
	pid_t child = fork();
	unsigned n = 0;
	int status;

	assert_true(child >= 0);
	if (!child)
		traced_child(b, function);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSTOPPED(status))
		return 0;
	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL)) {
			assert_int_equal(errno, EPERM);
			break;
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			break;
		assert_true(n < STEPS_MAX);
		note_step(child, &steps[n++]);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return n;
}

/* Other secrets at the same addresses. */
static void change_secrets(struct burst *b, unsigned n)
{
	for (unsigned k = 0; k < KEYS; k++) {
		struct key *key = &b->keys[k];
		struct eg_crypto_key *other;

		rng_fill(&b->rng, key->material, sizeof(key->material));
		other = eg_crypto_key_new(b->store, key->suite, key->material);
		memcpy(key->key, other, sizeof(*other));
		eg_crypto_key_free(b->store, other);
	}
	for (unsigned i = 0; i < n; i++)
		rng_fill(&b->rng, b->op[0][i].text, b->op[0][i].text_len);
}

/* The same instruction with the same registers. A register that still holds what it held at the
 * begin may differ: it is the caller's. */
static void assert_same_step(const struct step *a, const struct step *b, unsigned i, unsigned n)
{
	for (unsigned r = 0; r < n; r++) {
		if (a[i].reg[r] != a[0].reg[r] || b[i].reg[r] != b[0].reg[r])
			assert_int_equal(a[i].reg[r], b[i].reg[r]);
	}
}

void check_steps(struct burst *b, unsigned n, bool opens, void (*function)(struct burst *b),
		 bool registers)
{
	const unsigned n_registers = registers ? COUNT(((struct step *)NULL)->reg) : 1;
	static struct step steps[2][STEPS_MAX];
	unsigned length[2];

	for (unsigned run = 0; run < 2; run++) {
		change_secrets(b, n);
		if (opens)
			eg_crypto_seal(b->one, b->op[0], n);
		length[run] = trace(b, function, steps[run]);
	}
	if (!length[0]) {
		print_message("SKIP: no single-stepping with ptrace here\n");
		skip();
	}
	assert_in_range(length[0], 100, STEPS_MAX);
	assert_int_equal(length[0], length[1]);
	for (unsigned i = 0; i < length[0]; i++)
		assert_same_step(steps[0], steps[1], i, n_registers);
}
