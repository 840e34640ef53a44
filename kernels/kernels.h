/* What an instruction set's object file offers: kernels.c is compiled once for each. */
#ifndef TEXTFN_KERNELS_H
#define TEXTFN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { LANES = 16 };

/* A matrix for the micro-kernel. Its columns lie in panels, and inside a panel `depth` neighbours
 * of each column lie together. Columns and rows that were added to fill a panel are zero. */
typedef struct {
  size_t rows, columns; /* columns: a multiple of LANES; those of the panels may be more */
  int8_t *packed;
  int32_t *corrections; /* zero point times the sum of the column, to be taken off */
  float *scales, *bias;
} Matrix;

typedef enum { PLAIN, GELU, RESIDUAL, TANH, RELU } Epilogue;

/* rows of u8 [count, matrix->rows] with a scale each, times columns [first, last) of the matrix. */
typedef struct {
  const Matrix *matrix;
  size_t first, last; /* multiples of the panel, or the matrix's end */
  const uint8_t *rows;
  const float *row_scales;
  size_t count;
  float *out; /* column `first` of row 0 */
  size_t stride;
  Epilogue epilogue;
  const float *residual, *residual_scales; /* [count, columns] and [columns] */
  float *maxima;                           /* GELU: [count, LANES], or NULL */
} Product;

/* One head of one text: its rows of [query | key | value], `width` floats each. */
typedef struct {
  const float *rows;
  size_t stride, tokens, queries, width;
  float scale;
  const float *bias; /* of distance 0 between a key and a query, or NULL */
  float *out;
  size_t out_stride;
  float *keys, *weights; /* scratch: width * padded tokens, ATTENTION_ROWS * padded tokens */
} Attention;

enum { ATTENTION_ROWS = 6 };

typedef struct {
  const char *name;
  size_t panel; /* columns */
  size_t depth; /* rows that lie together */
  int zero;     /* what the micro-kernel takes off every u8 that it reads */
  /* LANES columns of `count` rows, a multiple of depth -> blocks of a panel, `step` bytes apart.
   * Writes the sum of each column; returns the largest sum of two neighbours in a column. */
  int (*pack)(int8_t *block, size_t step, const int8_t *rows, size_t stride, size_t count,
              int32_t *sums);
  void (*product)(const Product *);
  void (*attend)(const Attention *);
  void (*embed)(const int8_t *word, float scale, const float *position, size_t width, float *row);
  void (*normalize)(float *row, size_t width, const float *weight, const float *bias, float epsilon);
  float (*quantize)(const float *row, size_t width, uint8_t *levels);
  float (*quantize_gelu)(const float *row, const float *maxima, size_t width, uint8_t *levels);
  void (*mean)(const float *rows, size_t count, size_t width, float *out);
} Kernels;

/* The one that is asked for, or the best that this processor has; NULL if it has not that one. */
const Kernels *choose_kernels(const char *name);

#endif
