/* Sixteen floats at a time, the same operations in the same order on every processor.
 *
 * Every operation is one of IEEE 754 (add, multiply, fused multiply-add, divide, square root,
 * compare), which has one right answer. There is no libm: exp, tanh and GELU are polynomials here.
 * The compiler must not merge or reorder: -ffp-contract=off, and never -ffast-math.
 */
#ifndef TEXTFN_VECTORS_H
#define TEXTFN_VECTORS_H

#include <stdint.h>
#include <string.h>

#include "kernels.h"

typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));
typedef uint32_t Bits __attribute__((vector_size(64)));
typedef int8_t Bytes __attribute__((vector_size(16)));
typedef uint8_t Levels __attribute__((vector_size(16)));
typedef float Eight __attribute__((vector_size(32)));
typedef float Four __attribute__((vector_size(16)));

#define INLINE static inline __attribute__((always_inline))

INLINE Floats load(const float *from) {
  Floats v;
  memcpy(&v, from, sizeof v);
  return v;
}

INLINE void store(float *to, Floats v) { memcpy(to, &v, sizeof v); }

INLINE Floats all(float x) { return (Floats){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }

#if !defined(__FMA__) && !defined(__aarch64__)
/* a * b is exact in double. The sum is rounded to odd, so that rounding it again to float is the
 * one rounding of a fused multiply-add (Boldo and Melquiond, IEEE TC 57(4), 2008). */
static float fma1(float a, float b, float c) {
  double product = (double)a * b, s = product + c, part = s - product;
  double e = (product - (s - part)) + (c - part); /* product + c - s, exactly (Knuth's TwoSum) */
  int64_t bits;
  memcpy(&bits, &s, sizeof bits);
  if (e != 0 && s - s == 0 && !(bits & 1)) {
    bits += ((e > 0) == (s > 0)) ? 1 : -1;
    memcpy(&s, &bits, sizeof s);
  }
  return (float)s;
}
static Floats fma16(Floats a, Floats b, Floats c) {
  for (int i = 0; i < LANES; i++) a[i] = fma1(a[i], b[i], c[i]);
  return a;
}
#elif __has_builtin(__builtin_elementwise_fma)
INLINE Floats fma16(Floats a, Floats b, Floats c) { return __builtin_elementwise_fma(a, b, c); }
#else /* gcc */
INLINE Floats fma16(Floats a, Floats b, Floats c) {
  for (int i = 0; i < LANES; i++) a[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return a;
}
#endif

INLINE Floats choose(Ints mask, Floats yes, Floats no) {
  return (Floats)(((Ints)yes & mask) | ((Ints)no & ~mask));
}
INLINE Floats larger(Floats a, Floats b) { return choose(a > b, a, b); }
INLINE Floats smaller(Floats a, Floats b) { return choose(a < b, a, b); }
INLINE Floats absolute(Floats a) { return (Floats)((Ints)a & 0x7fffffff); }

/* The order of this sum is a part of the answer. */
INLINE float sum(Floats v) {
  Eight a = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
            __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  Four b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
  return (b[0] + b[2]) + (b[1] + b[3]);
}

INLINE float largest(Floats v) {
  v = larger(v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  v = larger(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15));
  float a = v[0] > v[1] ? v[0] : v[1], b = v[2] > v[3] ? v[2] : v[3];
  return a > b ? a : b;
}

/* Adding 1.5 * 2^23 to a float rounds it to a whole number, ties to even, whose two's complement
 * then lies in the low bits. It is defined for every input, unlike a conversion. */
#define ROUNDER 12582912.0f

/* e^x for x <= 88, within 2 units in the last place; below -87 as for -87. Cephes' polynomial. */
INLINE Floats exponential(Floats x) {
  x = larger(x, all(-87.0f));
  Floats shifted = fma16(x, all(1.44269504f), all(ROUNDER)), n = shifted - all(ROUNDER);
  Floats r = fma16(n, all(-1.42860677e-6f), fma16(n, all(-0.693145752f), x));
  Floats p = all(1.9875691500e-4f);
  p = fma16(p, r, all(1.3981999507e-3f));
  p = fma16(p, r, all(8.3334519073e-3f));
  p = fma16(p, r, all(4.1665795894e-2f));
  p = fma16(p, r, all(1.6666665459e-1f));
  p = fma16(p, r, all(5.0000001201e-1f));
  p = fma16(p * r, r, r + all(1.0f));
  return (Floats)((Bits)p + ((Bits)shifted << 23)); /* p * 2^n */
}

INLINE Floats tanh16(Floats x) {
  Floats e = exponential(smaller(absolute(x), all(20.0f)) * all(2.0f));
  Floats t = all(1.0f) - all(2.0f) / (e + all(1.0f));
  return (Floats)((Ints)t | ((Ints)x & INT32_MIN));
}

/* x times the normal distribution's integral up to x, within 1e-5: less than a hundredth of the
 * smallest level that follows. The integral less one half, over x, is a polynomial of x * x that is
 * least wrong at the largest error (weighted least squares on Chebyshev nodes); from 5 on it is 1. */
INLINE Floats gelu(Floats x) {
  Floats within = smaller(larger(x, all(-5.0f)), all(5.0f));
  Floats u = fma16(within * within, all(0.08f), all(-1.0f)), p = all(2.277594758e-03f);
  p = fma16(p, u, all(-6.278477609e-03f));
  p = fma16(p, u, all(7.020948455e-03f));
  p = fma16(p, u, all(-8.329122327e-03f));
  p = fma16(p, u, all(1.554789860e-02f));
  p = fma16(p, u, all(-2.421549521e-02f));
  p = fma16(p, u, all(3.174421564e-02f));
  p = fma16(p, u, all(-4.031911492e-02f));
  p = fma16(p, u, all(5.148799717e-02f));
  p = fma16(p, u, all(-7.030051947e-02f));
  p = fma16(p, u, all(1.413643062e-01f));
  return x * fma16(within, p, all(0.5f));
}

#endif
