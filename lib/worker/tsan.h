/* Happens-before edges for ThreadSanitizer, which does not see those of EAL because EAL is not
 * instrumented: from the control thread's writes to the launched function, and from that function's
 * writes to the return of EAL's wait. Empty in other builds. */
#ifndef EG_WORKER_TSAN_H
#define EG_WORKER_TSAN_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EG_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define EG_TSAN 1
#endif

#ifdef EG_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define eg_tsan_acquire(address) __tsan_acquire(address)
#define eg_tsan_release(address) __tsan_release(address)
#else
#define eg_tsan_acquire(address) ((void)(address))
#define eg_tsan_release(address) ((void)(address))
#endif

#endif
