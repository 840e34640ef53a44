/* The processor's rounding: to nearest, and subnormal numbers kept, whatever the caller has set. */
#ifndef TEXTFN_CONTROL_H
#define TEXTFN_CONTROL_H

#include <stdint.h>

typedef uint64_t FloatControl;

#if defined(__x86_64__)
#include <immintrin.h>
static inline FloatControl standard_floats(void) {
  FloatControl before = _mm_getcsr();
  _mm_setcsr(0x1f80); /* the value after a reset: all exceptions masked */
  return before;
}
static inline void restore_floats(FloatControl before) { _mm_setcsr((unsigned)before); }
#elif defined(__aarch64__)
static inline FloatControl standard_floats(void) {
  FloatControl before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
  return before;
}
static inline void restore_floats(FloatControl before) {
  __asm__ volatile("msr fpcr, %0" : : "r"(before));
}
#else
static inline FloatControl standard_floats(void) { return 0; }
static inline void restore_floats(FloatControl before) { (void)before; }
#endif

#endif
