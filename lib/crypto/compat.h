/* Private to lib/crypto: what differs between IPsec-MB 1.3 and 2.0.
 *
 * From 1.4 on, a burst's jobs carry a session: what the library found out about cipher, hash and
 * direction once, so that it need not for each job. A key keeps one for each direction. In 1.3 jobs
 * have no such field, and a session here has no bytes. 2.0's AEAD burst calls are for CCM alone and
 * are not used. */
#ifndef EG_CRYPTO_COMPAT_H
#define EG_CRYPTO_COMPAT_H

#include <intel-ipsec-mb.h>
#include <string.h>

#if IMB_VERSION_NUM >= IMB_VERSION(1, 4, 0)

struct eg_imb_session {
	__typeof__(((IMB_JOB *)NULL)
			   ->suite_id) suite_id; /* two pointers; from 2.0 on two numbers */
};

/* `job` has cipher, hash, key length and direction set. */
static inline void eg_imb_session_make(IMB_MGR *mgr, IMB_JOB *job, struct eg_imb_session *session)
{
	imb_set_session(mgr, job);
	memcpy(session->suite_id, job->suite_id, sizeof(session->suite_id));
}

static inline void eg_imb_session_use(const struct eg_imb_session *session, IMB_JOB *job)
{
	memcpy(job->suite_id, session->suite_id, sizeof(session->suite_id));
}

#else

struct eg_imb_session {
};

static inline void eg_imb_session_make(IMB_MGR *mgr, IMB_JOB *job, struct eg_imb_session *session)
{
	(void)mgr;
	(void)job;
	(void)session;
}

static inline void eg_imb_session_use(const struct eg_imb_session *session, IMB_JOB *job)
{
	(void)session;
	(void)job;
}

#endif

#endif
