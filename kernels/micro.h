/* The int8 micro-kernels: `count` rows of u8 times one panel of a matrix, summed in int32.
 *
 * Integers have one right answer in any order, as long as nothing clips. Only vpmaddubsw can: it
 * adds two neighbouring products in 16 bits. The builder keeps the sums of neighbouring weights of
 * one sign within 128, and encoder_open checks it, so that 255 * 128 fits.
 *
 * Each defines ROWS and BLOCKS (a tile of ROWS x BLOCKS * LANES), DEPTH, ZERO and
 *   MICRO(count): panel, steps of DEPTH, rows and their stride, start [BLOCKS * LANES],
 *   sums [count, BLOCKS * LANES].
 */
#ifndef TEXTFN_MICRO_H
#define TEXTFN_MICRO_H

#include "vectors.h"

#define MICRO(count)                                                                             \
  static __attribute__((noinline)) void micro_##count(const int8_t *panel, size_t steps,         \
                                                      const uint8_t *rows, size_t stride,        \
                                                      const int32_t *start, int32_t *sums) {     \
    micro(panel, steps, rows, stride, start, sums, count);                                       \
  }
#define UNROLLED _Pragma("clang loop unroll(full)")

#if defined(__AVX512VNNI__)
#include <immintrin.h>
#define NAME "avx512"
#define ROWS 12
#define BLOCKS 2
#define DEPTH 4
#define ZERO 0
/* One short text reads every weight once, from the third cache or from memory, and the processor's
 * own prefetching stops at a page's end. A prefetch behind the panel does nothing. */
#define AHEAD 4096
INLINE void micro(const int8_t *panel, size_t steps, const uint8_t *rows, size_t stride,
                  const int32_t *start, int32_t *sums, const int count) {
  __m512i sum[ROWS][BLOCKS];
  UNROLLED for (int r = 0; r < count; r++)
    UNROLLED for (int b = 0; b < BLOCKS; b++) sum[r][b] = _mm512_loadu_si512(start + LANES * b);
  for (; steps; steps--, panel += 64 * BLOCKS, rows += 4) {
    __m512i weights[BLOCKS];
    UNROLLED for (int b = 0; b < BLOCKS; b++) __builtin_prefetch(panel + AHEAD + 64 * b);
    UNROLLED for (int b = 0; b < BLOCKS; b++) weights[b] = _mm512_loadu_si512(panel + 64 * b);
    UNROLLED for (int r = 0; r < count; r++) {
      int32_t four;
      memcpy(&four, rows + r * stride, 4);
      UNROLLED for (int b = 0; b < BLOCKS; b++)
        sum[r][b] = _mm512_dpbusd_epi32(sum[r][b], _mm512_set1_epi32(four), weights[b]);
    }
  }
  UNROLLED for (int r = 0; r < count; r++)
    UNROLLED for (int b = 0; b < BLOCKS; b++)
      _mm512_storeu_si512(sums + LANES * (BLOCKS * r + b), sum[r][b]);
}

#elif defined(__AVX2__)
#include <immintrin.h>
#define NAME "avx2"
#define ROWS 4
#define BLOCKS 1
#define DEPTH 4
#define ZERO 0
INLINE void micro(const int8_t *panel, size_t steps, const uint8_t *rows, size_t stride,
                  const int32_t *start, int32_t *sums, const int count) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[ROWS][2];
  UNROLLED for (int r = 0; r < count; r++)
    UNROLLED for (int b = 0; b < 2; b++)
      sum[r][b] = _mm256_loadu_si256((const __m256i *)(start + 8 * b));
  for (; steps; steps--, panel += 64, rows += 4) {
    __m256i weights[2];
    UNROLLED for (int b = 0; b < 2; b++)
      weights[b] = _mm256_loadu_si256((const __m256i *)(panel + 32 * b));
    UNROLLED for (int r = 0; r < count; r++) {
      int32_t four;
      memcpy(&four, rows + r * stride, 4);
      UNROLLED for (int b = 0; b < 2; b++) {
        __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi32(four), weights[b]);
        sum[r][b] = _mm256_add_epi32(sum[r][b], _mm256_madd_epi16(pairs, ones));
      }
    }
  }
  UNROLLED for (int r = 0; r < count; r++)
    UNROLLED for (int b = 0; b < 2; b++)
      _mm256_storeu_si256((__m256i *)(sums + LANES * r + 8 * b), sum[r][b]);
}

#elif defined(__ARM_FEATURE_MATMUL_INT8)
#include <arm_neon.h>
#define NAME "i8mm"
#define ROWS 6
#define BLOCKS 1
#define DEPTH 8
#define ZERO 0
/* usmmla multiplies two rows of eight with two columns of eight. An odd last row goes twice. */
INLINE void micro(const int8_t *panel, size_t steps, const uint8_t *rows, size_t stride,
                  const int32_t *start, int32_t *sums, const int count) {
  const int pairs = (count + 1) / 2;
  int32x4_t sum[ROWS / 2][8];
  UNROLLED for (int c = 0; c < 8; c++) {
    int32x2_t two = vld1_s32(start + 2 * c);
    UNROLLED for (int r = 0; r < pairs; r++) sum[r][c] = vcombine_s32(two, two);
  }
  for (; steps; steps--, panel += 128, rows += 8) {
    uint8x16_t eights[ROWS / 2];
    UNROLLED for (int r = 0; r < pairs; r++)
      eights[r] = vcombine_u8(vld1_u8(rows + 2 * r * stride),
                              vld1_u8(rows + (2 * r + 1 < count ? 2 * r + 1 : 2 * r) * stride));
    UNROLLED for (int c = 0; c < 8; c++) {
      int8x16_t weights = vld1q_s8(panel + 16 * c);
      UNROLLED for (int r = 0; r < pairs; r++)
        sum[r][c] = vusmmlaq_s32(sum[r][c], eights[r], weights);
    }
  }
  UNROLLED for (int r = 0; r < count; r++)
    UNROLLED for (int c = 0; c < 8; c++)
      vst1_s32(sums + LANES * r + 2 * c,
               r % 2 ? vget_high_s32(sum[r / 2][c]) : vget_low_s32(sum[r / 2][c]));
}

#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#define NAME "dotprod"
#define ROWS 6
#define BLOCKS 1
#define DEPTH 4
#define ZERO 128 /* sdot multiplies signed numbers: flipping the first bit takes 128 off */
INLINE void micro(const int8_t *panel, size_t steps, const uint8_t *rows, size_t stride,
                  const int32_t *start, int32_t *sums, const int count) {
  int32x4_t sum[ROWS][4];
  UNROLLED for (int r = 0; r < count; r++)
    UNROLLED for (int b = 0; b < 4; b++) sum[r][b] = vld1q_s32(start + 4 * b);
  for (; steps; steps--, panel += 64, rows += 4) {
    int8x16_t weights[4];
    UNROLLED for (int b = 0; b < 4; b++) weights[b] = vld1q_s8(panel + 16 * b);
    UNROLLED for (int r = 0; r < count; r++) {
      uint32_t four;
      memcpy(&four, rows + r * stride, 4);
      int8x16_t levels = vreinterpretq_s8_u32(vdupq_n_u32(four ^ 0x80808080u));
      UNROLLED for (int b = 0; b < 4; b++) sum[r][b] = vdotq_s32(sum[r][b], weights[b], levels);
    }
  }
  UNROLLED for (int r = 0; r < count; r++)
    UNROLLED for (int b = 0; b < 4; b++) vst1q_s32(sums + LANES * r + 4 * b, sum[r][b]);
}

#else
#define NAME "portable"
#define ROWS 4
#define BLOCKS 1
#define DEPTH 4
#define ZERO 0
typedef int8_t Block __attribute__((vector_size(64)));
typedef int16_t Products __attribute__((vector_size(128)));
typedef int32_t Pairs __attribute__((vector_size(128)));
typedef uint32_t UnsignedPairs __attribute__((vector_size(128)));
typedef int64_t Repeated __attribute__((vector_size(128)));
/* A product fits in 16 bits (255 * 127). Two of them make 32 bits: the lower and the upper half. */
INLINE void micro(const int8_t *panel, size_t steps, const uint8_t *rows, size_t stride,
                  const int32_t *start, int32_t *sums, const int count) {
  Pairs sum[ROWS];
  UNROLLED for (int r = 0; r < count; r++) sum[r] = (Pairs){0};
  for (; steps; steps--, panel += 64, rows += 4) {
    Block block;
    memcpy(&block, panel, sizeof block);
    Products weights = __builtin_convertvector(block, Products);
    UNROLLED for (int r = 0; r < count; r++) {
      const uint8_t *q = rows + r * stride;
      uint64_t four = q[0] | (uint64_t)q[1] << 16 | (uint64_t)q[2] << 32 | (uint64_t)q[3] << 48;
      Pairs both = (Pairs)(weights * (Products)((Repeated){0} + (int64_t)four));
      sum[r] += (Pairs)((UnsignedPairs)both << 16) >> 16; /* keeps the sign of the lower half */
      sum[r] += both >> 16;
    }
  }
  UNROLLED for (int r = 0; r < count; r++)
    for (int c = 0; c < LANES; c++)
      sums[LANES * r + c] = start[c] + sum[r][2 * c] + sum[r][2 * c + 1];
}
#endif

MICRO(1)
MICRO(2)
MICRO(3)
MICRO(4)
#if ROWS >= 6
MICRO(5)
MICRO(6)
#endif
#if ROWS >= 12
MICRO(7)
MICRO(8)
MICRO(9)
MICRO(10)
MICRO(11)
MICRO(12)
#endif

typedef void Micro(const int8_t *, size_t, const uint8_t *, size_t, const int32_t *, int32_t *);
static Micro *const MICROS[ROWS] = {
    micro_1, micro_2, micro_3, micro_4,
#if ROWS >= 6
    micro_5, micro_6,
#endif
#if ROWS >= 12
    micro_7, micro_8, micro_9, micro_10, micro_11, micro_12,
#endif
};

#endif
