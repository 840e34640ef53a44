/* The work of an encoder for one instruction set: compiled once for each, see build.py. */
#include "kernels.h"
#include "micro.h"
#include "vectors.h"

enum { PANEL = BLOCKS * LANES };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

typedef int16_t Shorts __attribute__((vector_size(32)));

/* DEPTH rows, whose columns' numbers shall lie together: rows i and i + DEPTH / 2 meet. */
INLINE void interleave(Bytes *rows) {
  Bytes met[DEPTH];
  UNROLLED for (int turn = 1; turn < DEPTH; turn *= 2) {
    UNROLLED for (int i = 0; i < DEPTH / 2; i++) {
      Bytes a = rows[i], b = rows[i + DEPTH / 2];
      met[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7,
                                           23);
      met[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                               14, 30, 15, 31);
    }
    UNROLLED for (int i = 0; i < DEPTH; i++) rows[i] = met[i];
  }
}

/* Two numbers of different signs never add up to more than the larger, so |a + b| is enough. */
static int pack(int8_t *block, size_t step, const int8_t *rows, size_t stride, size_t count,
                int32_t *sums) {
  Ints total = {0};
  Shorts most = {0};
  for (size_t row = 0; row < count; row += DEPTH, rows += DEPTH * stride, block += step) {
    Bytes group[DEPTH];
    UNROLLED for (int i = 0; i < DEPTH; i++) memcpy(&group[i], rows + i * stride, LANES);
    UNROLLED for (int i = 0; i < DEPTH; i += 2) {
      Shorts both = __builtin_convertvector(group[i], Shorts) +
                    __builtin_convertvector(group[i + 1], Shorts);
      Shorts negative = both < 0, size = (both ^ negative) - negative, more = size > most;
      most = (size & more) | (most & ~more);
      total += __builtin_convertvector(both, Ints);
    }
    interleave(group);
    memcpy(block, group, sizeof group);
  }
  int largest_pair = 0;
  for (int c = 0; c < LANES; c++) {
    if (most[c] > largest_pair) largest_pair = most[c];
    sums[c] = total[c];
  }
  return largest_pair;
}

INLINE Floats finish(const Product *p, Floats value, size_t row, size_t column) {
  switch (p->epilogue) {
    case GELU:
      return gelu(value);
    case RESIDUAL:
      return fma16(load(p->residual + row * p->matrix->columns + column),
                   load(p->residual_scales + column), value);
    case TANH:
      return tanh16(value);
    case RELU:
      return larger(value, all(0));
    default:
      return value;
  }
}

/* The epilogue: a tile's int32 sums -> floats, with scales, bias and what follows them. */
INLINE void write_tile(const Product *p, const int32_t *sums, size_t row, size_t count,
                       size_t column) {
  size_t end = least(least(p->last, p->matrix->columns), column + PANEL);
  for (size_t c = column; c < end; c += LANES, sums += LANES) {
    Floats scales = load(p->matrix->scales + c), bias = load(p->matrix->bias + c);
    for (size_t r = 0; r < count; r++) {
      Ints sum;
      memcpy(&sum, sums + PANEL * r, sizeof sum);
      Floats value = __builtin_convertvector(sum, Floats) * scales;
      value = finish(p, fma16(value, all(p->row_scales[row + r]), bias), row + r, c);
      store(p->out + (row + r) * p->stride + (c - p->first), value);
      if (p->maxima) {
        float *maxima = p->maxima + LANES * (row + r);
        store(maxima, larger(load(maxima), value));
      }
    }
  }
}

/* Panel by panel, so that a panel stays in the first cache while all rows pass. Rows go in tiles of
 * equal height: nine rows are five and four, not eight and one. */
static void product(const Product *p) {
  int32_t sums[ROWS * PANEL] __attribute__((aligned(64)));
  size_t steps = p->matrix->rows / DEPTH, tiles = (p->count + ROWS - 1) / ROWS;
  for (size_t i = 0; p->maxima && i < p->count; i++) store(p->maxima + LANES * i, all(-1e30f));
  for (size_t column = p->first; column < p->last; column += PANEL) {
    const int8_t *panel = p->matrix->packed + column * p->matrix->rows;
    for (size_t tile = 0; tile < tiles; tile++) {
      size_t row = tile * p->count / tiles, count = (tile + 1) * p->count / tiles - row;
      MICROS[count - 1](panel, steps, p->rows + row * p->matrix->rows, p->matrix->rows,
                        p->matrix->corrections + column, sums);
      write_tile(p, sums, row, count, column);
    }
  }
}

/* [tokens, width] -> [width, padded], in blocks of 16 by 16: four times, rows i and i + 8 meet. */
static void transpose(const float *rows, size_t stride, size_t tokens, size_t width, size_t padded,
                      float *out) {
  for (size_t first = 0; first < padded; first += LANES)
    for (size_t d = 0; d < width; d += LANES) {
      Floats a[LANES], b[LANES];
      UNROLLED for (size_t i = 0; i < LANES; i++)
        a[i] = first + i < tokens ? load(rows + (first + i) * stride + d) : all(0);
      UNROLLED for (int turn = 0; turn < 4; turn++) {
        UNROLLED for (int i = 0; i < 8; i++) {
          b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5,
                                             21, 6, 22, 7, 23);
          b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12,
                                                 28, 13, 29, 14, 30, 15, 31);
        }
        UNROLLED for (int i = 0; i < LANES; i++) a[i] = b[i];
      }
      UNROLLED for (size_t i = 0; i < LANES; i++) store(out + (d + i) * padded + first, a[i]);
    }
}

/* Two tiles of attention: as many accumulators as the registers hold. */
#if defined(__AVX512F__)
enum { SCORES = 3, VALUES = 2 };
#elif defined(__aarch64__)
enum { SCORES = 1, VALUES = 1 };
#else
enum { SCORES = 1, VALUES = 1 };
#endif

/* Scores of `rows` queries for blocks of keys: one chain of fused multiply-adds for each score. */
INLINE void score_tile(const Attention *a, size_t query, size_t padded, size_t key, const int rows,
                       const int blocks) {
  Floats sums[ATTENTION_ROWS][SCORES];
  UNROLLED for (int r = 0; r < rows; r++) UNROLLED for (int b = 0; b < blocks; b++) sums[r][b] = all(0);
  const float *queries = a->rows + query * a->stride;
  for (size_t d = 0; d < a->width; d++) {
    Floats keys[SCORES];
    UNROLLED for (int b = 0; b < blocks; b++) keys[b] = load(a->keys + d * padded + key + LANES * b);
    UNROLLED for (int r = 0; r < rows; r++) {
      Floats q = all(queries[r * a->stride + d]);
      UNROLLED for (int b = 0; b < blocks; b++) sums[r][b] = fma16(q, keys[b], sums[r][b]);
    }
  }
  UNROLLED for (int r = 0; r < rows; r++) UNROLLED for (int b = 0; b < blocks; b++) {
    size_t at = key + LANES * b;
    Floats bias = a->bias ? load(a->bias + at - (query + r)) : all(0);
    store(a->weights + r * padded + at, fma16(sums[r][b], all(a->scale), bias));
  }
}

INLINE void score(const Attention *a, size_t query, size_t padded, const int rows) {
  size_t key = 0;
  for (; key + LANES * SCORES <= padded; key += LANES * SCORES)
    score_tile(a, query, padded, key, rows, SCORES);
  for (; key < padded; key += LANES) score_tile(a, query, padded, key, rows, 1);
}

/* Scores -> e^(score - largest), 0 behind the text; returns 1 over their sum. */
INLINE float soften(float *scores, size_t tokens, size_t padded) {
  Floats most = all(-1e30f), total = all(0);
  for (size_t j = tokens; j < padded; j++) scores[j] = -1e30f;
  for (size_t j = 0; j < padded; j += LANES) most = larger(most, load(scores + j));
  most = all(largest(most));
  for (size_t j = 0; j < padded; j += LANES) store(scores + j, exponential(load(scores + j) - most));
  for (size_t j = tokens; j < padded; j++) scores[j] = 0;
  for (size_t j = 0; j < padded; j += LANES) total = total + load(scores + j);
  return 1.0f / sum(total);
}

/* The weighted sum of the values: for each number one chain over the tokens. */
INLINE void sum_tile(const Attention *a, size_t query, size_t padded, size_t d, const float *shares,
                     const int rows, const int blocks) {
  Floats sums[ATTENTION_ROWS][VALUES];
  UNROLLED for (int r = 0; r < rows; r++) UNROLLED for (int b = 0; b < blocks; b++) sums[r][b] = all(0);
  const float *values = a->rows + 2 * a->width + d;
  for (size_t j = 0; j < a->tokens; j++, values += a->stride) {
    UNROLLED for (int r = 0; r < rows; r++) {
      Floats weight = all(a->weights[r * padded + j]);
      UNROLLED for (int b = 0; b < blocks; b++)
        sums[r][b] = fma16(weight, load(values + LANES * b), sums[r][b]);
    }
  }
  UNROLLED for (int r = 0; r < rows; r++) UNROLLED for (int b = 0; b < blocks; b++)
    store(a->out + (query + r) * a->out_stride + d + LANES * b, sums[r][b] * all(shares[r]));
}

INLINE void attend_rows(const Attention *a, size_t query, size_t padded, const int rows) {
  float shares[ATTENTION_ROWS];
  score(a, query, padded, rows);
  for (int r = 0; r < rows; r++) shares[r] = soften(a->weights + r * padded, a->tokens, padded);
  size_t d = 0;
  for (; d + LANES * VALUES <= a->width; d += LANES * VALUES)
    sum_tile(a, query, padded, d, shares, rows, VALUES);
  for (; d < a->width; d += LANES) sum_tile(a, query, padded, d, shares, rows, 1);
}

static void attend(const Attention *a) {
  size_t padded = (a->tokens + LANES - 1) / LANES * LANES, query = 0;
  transpose(a->rows + a->width, a->stride, a->tokens, a->width, padded, a->keys);
  for (; query + ATTENTION_ROWS <= a->queries; query += ATTENTION_ROWS)
    attend_rows(a, query, padded, ATTENTION_ROWS);
  for (; query + 2 <= a->queries; query += 2) attend_rows(a, query, padded, 2);
  for (; query < a->queries; query++) attend_rows(a, query, padded, 1);
}

static void embed(const int8_t *word, float scale, const float *position, size_t width,
                  float *row) {
  for (size_t i = 0; i < width; i += LANES) {
    Bytes levels;
    memcpy(&levels, word + i, sizeof levels);
    store(row + i, fma16(__builtin_convertvector(levels, Floats), all(scale), load(position + i)));
  }
}

/* LayerNorm, in two passes: the mean, then the variance around it. */
static void normalize(float *row, size_t width, const float *weight, const float *bias,
                      float epsilon) {
  Floats total = all(0), squares = all(0);
  for (size_t i = 0; i < width; i += LANES) total = total + load(row + i);
  Floats mean = all(sum(total) / (float)width);
  for (size_t i = 0; i < width; i += LANES) {
    Floats d = load(row + i) - mean;
    squares = fma16(d, d, squares);
  }
  Floats factor = all(1.0f / __builtin_sqrtf(sum(squares) / (float)width + epsilon));
  for (size_t i = 0; i < width; i += LANES)
    store(row + i, fma16((load(row + i) - mean) * factor, load(weight + i), load(bias + i)));
}

/* x -> round(x * factor) + zero, ties to even, in the low byte (see ROUNDER). */
INLINE void put_levels(const float *row, size_t width, float factor, float zero, uint8_t *levels) {
  for (size_t i = 0; i < width; i += LANES) {
    Bits rounded = (Bits)fma16(load(row + i), all(factor), all(ROUNDER + zero));
    Levels low = __builtin_convertvector(rounded & 255u, Levels);
    memcpy(levels + i, &low, sizeof low);
  }
}

/* Levels 1 to 255 around 128 for the largest number of the row; returns the size of a level. */
static float quantize(const float *row, size_t width, uint8_t *levels) {
  Floats most = all(0);
  for (size_t i = 0; i < width; i += LANES) most = larger(most, absolute(load(row + i)));
  float range = largest(most);
  put_levels(row, width, range > 1e-30f ? 127.0f / range : 0.0f, 128.0f, levels);
  return range / 127.0f;
}

/* GELU is never below -0.17: 24 levels for what is below zero, the others for what is above. */
static float quantize_gelu(const float *row, const float *maxima, size_t width, uint8_t *levels) {
  float range = largest(load(maxima)) / 231.0f, size = range > 0.17f / 24 ? range : 0.17f / 24;
  put_levels(row, width, 1.0f / size, 24.0f, levels);
  return size;
}

static void mean(const float *rows, size_t count, size_t width, float *out) {
  for (size_t i = 0; i < width; i += LANES) {
    Floats total = all(0);
    for (size_t r = 0; r < count; r++) total = total + load(rows + r * width + i);
    store(out + i, total / all((float)count));
  }
}

const Kernels KERNELS = {NAME,   PANEL,     DEPTH,    ZERO,          pack, product,
                         attend, embed, normalize, quantize, quantize_gelu, mean};
