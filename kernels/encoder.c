/* An encoder's life: check and pack the tensors, run texts through the layers, let go. */
#include "encoder.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "kernels.h"

/* Bounds of a model, so that no product of sizes overflows and no int32 sum does: 16,384 * 255 * 127
 * is below 2^31. */
enum { MAX_LAYERS = 128, MAX_HEADS = 128, MAX_WIDTH = 16384, MAX_POSITIONS = 1 << 16 };
enum { MAX_WORDS = 1 << 24, PAIR_LIMIT = 128 };
/* Tokens of one pass, unless one text has more: bounds an arena, and keeps it in the second cache. */
enum { PASS = 256 };
/* Rows of the feed-forward layer at a time: its inner rows, four times as wide, stay in the cache. */
enum { INNER_ROWS = 64 };
enum { SIGNED_ZERO = 128, GELU_ZERO = 24 };

typedef struct {
  float *weight, *bias;
} Norm;

typedef struct {
  Matrix heads; /* for each head its columns of query, key and value, each padded to LANES */
  Matrix context, inner, output;
  Norm middle_norm, output_norm;
  float *input_scale, *middle_scale;
} Layer;

typedef struct Arena {
  struct Arena *next;
  size_t tokens, padded; /* that it is for */
  float *rows, *others, *context, *heads, *inner, *maxima, *keys, *weights, *row_scales;
  uint8_t *levels, *inner_levels;
} Arena;

struct Encoder {
  const Kernels *kernels;
  Config config;
  size_t width, inner, head_width, padded_head, group, words, positions, labels;
  const int8_t *word_table; /* the caller's */
  float *word_scales, *position_table, *relative_bias;
  Norm norm;
  Layer *layers;
  Matrix dense, logits;
  Arena *idle; /* arenas that no thread uses now */
  atomic_flag busy;
  void **blocks; /* everything that encoder_open allocated */
  size_t block_count;
  char *error;
};

static size_t up(size_t n, size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

static int fail(Encoder *e, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (!e->error[0]) vsnprintf(e->error, 256, format, arguments);
  va_end(arguments);
  return 0;
}

/* ---- memory ---- */

static void *aligned(size_t bytes) { return aligned_alloc(64, up(bytes ? bytes : 1, 64)); }

/* Memory that lives as long as the encoder; NULL and an error if there is none. */
static void *keep_unset(Encoder *e, size_t bytes) {
  void **blocks = realloc(e->blocks, (e->block_count + 1) * sizeof *blocks);
  if (blocks) e->blocks = blocks;
  void *block = blocks ? aligned(bytes) : NULL;
  if (!block) {
    fail(e, "there is no memory for the model");
    return NULL;
  }
  e->blocks[e->block_count++] = block;
  return block;
}

static void *keep(Encoder *e, size_t count, size_t size) {
  void *block = keep_unset(e, count * size);
  return block ? memset(block, 0, count * size) : NULL;
}

/* ---- tensors ---- */

typedef struct {
  Encoder *encoder;
  const Tensor *tensors;
  char where[32]; /* for errors */
} Reader;

static const Tensor *check(Reader *r, size_t index, int type, size_t rows, size_t columns) {
  const Tensor *t = &r->tensors[index];
  int64_t shape[2] = {columns ? (int64_t)rows : -1, columns ? (int64_t)columns : (int64_t)rows};
  const int64_t *expected = shape + (columns ? 0 : 1);
  size_t rank = columns ? 2 : 1;
  if (t->type != type || t->rank != rank || !t->data || t->shape[0] != expected[0] ||
      (rank == 2 && t->shape[1] != expected[1])) {
    fail(r->encoder, "%s: input %zu is not %s %s%zu%s%zu]", r->where, index,
         type == TENSOR_INT8 ? "int8" : "float32", rank == 2 ? "[" : "[", rows,
         rank == 2 ? ", " : "", rank == 2 ? columns : 0);
    return NULL;
  }
  return t;
}

/* A copy of a float tensor, every number of it finite; `padded` more zeros behind. */
static float *floats(Reader *r, size_t index, size_t rows, size_t columns, size_t padded) {
  const Tensor *t = check(r, index, TENSOR_FLOAT, rows, columns);
  size_t count = rows * (columns ? columns : 1);
  float *copy = t ? keep(r->encoder, count + padded, sizeof *copy) : NULL;
  if (!copy) return NULL;
  memcpy(copy, t->data, count * sizeof *copy);
  for (size_t i = 0; i < count; i++)
    if (!isfinite(copy[i])) {
      fail(r->encoder, "%s: input %zu has a number that is not finite", r->where, index);
      return NULL;
    }
  return copy;
}

/* A vector of ones where the tensor is absent, for inputs that the builder did not scale. */
static int norm(Reader *r, Norm *norm, size_t index, size_t width) {
  return (norm->weight = floats(r, index, width, 0, 0)) &&
         (norm->bias = floats(r, index + 1, width, 0, 0));
}

/* ---- packing ---- */

/* Columns of a tensor that go side by side into a matrix, in groups of `group` padded to
 * `padded_group`; rows likewise. */
typedef struct {
  const int8_t *data;
  size_t rows, columns; /* of the tensor */
  size_t row_group, padded_rows;    /* a group of rows, and what it is padded to */
  size_t column, from, count;       /* matrix column, tensor column, how many */
} Piece;

static int matrix(Encoder *e, Matrix *m, size_t rows, size_t columns) {
  size_t all = up(columns, e->kernels->panel);
  size_t whole = columns / e->kernels->panel * e->kernels->panel;
  *m = (Matrix){rows, columns, NULL, NULL, NULL, NULL};
  if (!(m->packed = keep_unset(e, rows * all))) return 0;
  memset(m->packed + rows * whole, 0, rows * (all - whole)); /* a panel that columns do not fill */
  return (m->corrections = keep(e, all, sizeof(int32_t))) &&
         (m->scales = keep(e, all, sizeof(float))) && (m->bias = keep(e, all, sizeof(float)));
}

/* LANES columns of the tensor as the matrix has them, where rows or columns were added as zeros. */
static void gather(const Piece *p, size_t offset, size_t columns, size_t rows, int8_t *out) {
  memset(out, 0, rows * LANES);
  for (size_t k = 0; k < rows; k++) {
    size_t group = k / p->padded_rows, within = k % p->padded_rows;
    if (within >= p->row_group) continue;
    const int8_t *row = p->data + (group * p->row_group + within) * p->columns;
    memcpy(out + k * LANES, row + p->from + offset, columns);
  }
}

/* Returns the largest sum of two neighbours, or -1 if there is no memory. */
static int pack_block(Encoder *e, Matrix *m, const Piece *p, size_t block, size_t offset) {
  const Kernels *k = e->kernels;
  size_t blocks = k->panel / LANES, size = LANES * k->depth;
  size_t columns = p->count - offset < LANES ? p->count - offset : LANES;
  int8_t *to = m->packed + block / blocks * m->rows * k->panel + block % blocks * size;
  int32_t *sums = m->corrections + block * LANES;
  if (columns == LANES && p->row_group == p->padded_rows)
    return k->pack(to, blocks * size, p->data + p->from + offset, p->columns, m->rows, sums);
  int8_t *spare = malloc(m->rows * LANES);
  if (!spare) return -1;
  gather(p, offset, columns, m->rows, spare);
  int pair = k->pack(to, blocks * size, spare, LANES, m->rows, sums);
  free(spare);
  return pair;
}

/* `column` is a multiple of LANES. The corrections hold plain sums until `settle`. */
static int pack(Reader *r, size_t index, Matrix *m, const Piece *p) {
  for (size_t offset = 0; offset < p->count; offset += LANES) {
    int pair = pack_block(r->encoder, m, p, (p->column + offset) / LANES, offset);
    if (pair < 0) return fail(r->encoder, "there is no memory for the model");
    if (pair > PAIR_LIMIT)
      return fail(r->encoder, "%s: input %zu has neighbours that add up to more than %d", r->where,
                  index, PAIR_LIMIT);
  }
  return 1;
}

static void settle(const Encoder *e, Matrix *m, int zero) {
  size_t all = up(m->columns, e->kernels->panel);
  for (size_t c = 0; c < all; c++) m->corrections[c] *= e->kernels->zero - zero;
}

/* A whole tensor, its scales and its bias. */
static int linear(Reader *r, Matrix *m, size_t index, size_t rows, size_t columns, int zero,
                  size_t row_group, size_t padded_rows) {
  Encoder *e = r->encoder;
  const Tensor *t = check(r, index, TENSOR_INT8, rows, columns);
  const float *scales = floats(r, index + 1, columns, 0, 0);
  const float *bias = floats(r, index + 2, columns, 0, 0);
  if (!t || !scales || !bias) return 0;
  Piece whole = {t->data, rows, columns, row_group, padded_rows, 0, 0, columns};
  if (!matrix(e, m, rows / row_group * padded_rows, up(columns, LANES)) || !pack(r, index, m, &whole))
    return 0;
  memcpy(m->scales, scales, columns * sizeof *scales);
  memcpy(m->bias, bias, columns * sizeof *bias);
  settle(e, m, zero);
  return 1;
}

/* Query, key and value of each head side by side. */
static int heads(Reader *r, Matrix *m, size_t first) {
  static const size_t weights[3] = {QUERY, KEY, VALUE};
  Encoder *e = r->encoder;
  size_t width = e->width, d = e->head_width, padded = e->padded_head;
  const float *bias = floats(r, first + QUERY_BIAS, width, 0, 0);
  if (!bias || !matrix(e, m, width, (size_t)e->config.heads * 3 * padded)) return 0;
  for (size_t part = 0; part < 3; part++) {
    size_t index = first + weights[part];
    const Tensor *t = check(r, index, TENSOR_INT8, width, width);
    const float *scales = floats(r, index + 1, width, 0, 0);
    if (!t || !scales) return 0;
    for (size_t h = 0; h < (size_t)e->config.heads; h++) {
      size_t column = (3 * h + part) * padded;
      Piece head = {t->data, width, width, width, width, column, h * d, d};
      if (!pack(r, index, m, &head)) return 0;
      memcpy(m->scales + column, scales + h * d, d * sizeof *scales);
      if (part == 0) memcpy(m->bias + column, bias + h * d, d * sizeof *bias);
    }
  }
  settle(e, m, SIGNED_ZERO);
  return 1;
}

static int layer(Reader *r, Layer *l, size_t first) {
  size_t width = r->encoder->width, inner = r->encoder->inner, d = r->encoder->head_width;
  return heads(r, &l->heads, first) &&
         linear(r, &l->context, first + CONTEXT, width, width, SIGNED_ZERO, d,
                r->encoder->padded_head) &&
         linear(r, &l->inner, first + INNER, width, inner, SIGNED_ZERO, width, width) &&
         linear(r, &l->output, first + OUTPUT, inner, width, GELU_ZERO, inner, inner) &&
         norm(r, &l->middle_norm, first + MIDDLE_NORM, width) &&
         norm(r, &l->output_norm, first + OUTPUT_NORM, width) &&
         (l->input_scale = floats(r, first + INPUT_SCALE, width, 0, 0)) &&
         (l->middle_scale = floats(r, first + MIDDLE_SCALE, width, 0, 0));
}

/* ---- opening ---- */

static size_t expected_tensors(const Config *c) {
  return EMBEDDINGS + (c->relative ? 1 : 0) + (size_t)c->layers * LAYER + (c->head ? HEAD : 0);
}

static int between(int64_t value, int64_t low, int64_t high) { return low <= value && value <= high; }

static int check_config(Encoder *e, size_t count) {
  const Config *c = &e->config;
  if (c->numerics != NUMERICS)
    return fail(e, "the graph is for numerics %lld, these kernels have %d: build the model again",
                (long long)c->numerics, NUMERICS);
  if (!between(c->layers, 1, MAX_LAYERS)) return fail(e, "layers is not within 1 and %d", MAX_LAYERS);
  if (!between(c->heads, 1, MAX_HEADS)) return fail(e, "heads is not within 1 and %d", MAX_HEADS);
  if (!between(c->first_only, 0, 1)) return fail(e, "first_only is neither 0 nor 1");
  if (!between(c->relative, 0, 1)) return fail(e, "relative is neither 0 nor 1");
  if (!between(c->head, NO_HEAD, HEAD_RELU)) return fail(e, "head is not within 0 and 2");
  if (!(c->epsilon >= 0 && c->epsilon < 1)) return fail(e, "epsilon is not within 0 and 1");
  if (count != expected_tensors(c))
    return fail(e, "there are %zu tensors instead of %zu", count, expected_tensors(c));
  return 1;
}

/* The sizes that the others must fit, from the word table, the positions and a feed-forward layer. */
static int check_sizes(Encoder *e, const Tensor *tensors) {
  const Tensor *words = &tensors[WORDS], *positions = &tensors[POSITIONS];
  const Tensor *inner = &tensors[EMBEDDINGS + (size_t)e->config.relative + INNER];
  if (words->rank != 2 || positions->rank != 2 || inner->rank != 2)
    return fail(e, "the embeddings or the first inner layer are no matrices");
  int64_t width = words->shape[1];
  if (!between(width, LANES, MAX_WIDTH) || width % LANES)
    return fail(e, "the hidden size is no multiple of 16 up to %d", MAX_WIDTH);
  if (!between(inner->shape[1], LANES, MAX_WIDTH) || inner->shape[1] % LANES)
    return fail(e, "the inner size is no multiple of 16 up to %d", MAX_WIDTH);
  if (!between(words->shape[0], 1, MAX_WORDS)) return fail(e, "there are too many words, or none");
  if (!between(positions->shape[0], 1, MAX_POSITIONS))
    return fail(e, "there are too many positions, or none");
  if (width % e->config.heads) return fail(e, "the heads do not divide the hidden size");
  e->width = (size_t)width;
  e->inner = (size_t)inner->shape[1];
  e->words = (size_t)words->shape[0];
  e->positions = (size_t)positions->shape[0];
  e->head_width = e->width / (size_t)e->config.heads;
  e->padded_head = up(e->head_width, LANES);
  if (e->padded_head * (size_t)e->config.heads > MAX_WIDTH) return fail(e, "there are too many heads");
  /* Heads go together until their columns fill panels. */
  for (e->group = 1; e->group * 3 * e->padded_head % e->kernels->panel; e->group++) continue;
  return 1;
}

static int open_embeddings(Reader *r) {
  Encoder *e = r->encoder;
  snprintf(r->where, sizeof r->where, "embeddings");
  const Tensor *words = check(r, WORDS, TENSOR_INT8, e->words, e->width);
  if (!words) return 0;
  e->word_table = words->data;
  return (e->word_scales = floats(r, WORD_SCALES, e->words, 1, 0)) &&
         (e->position_table = floats(r, POSITIONS, e->positions, e->width, 0)) &&
         norm(r, &e->norm, NORM_WEIGHT, e->width);
}

static int open_layers(Reader *r, size_t first) {
  Encoder *e = r->encoder;
  size_t layers = (size_t)e->config.layers;
  if (!(e->layers = keep(e, layers, sizeof *e->layers))) return 0;
  for (size_t i = 0; i < layers; i++) {
    snprintf(r->where, sizeof r->where, "layer %zu", i);
    if (!layer(r, &e->layers[i], first + i * LAYER)) return 0;
  }
  return 1;
}

static int open_head(Reader *r, size_t first) {
  Encoder *e = r->encoder;
  const Tensor *logits = &r->tensors[first + LOGITS];
  snprintf(r->where, sizeof r->where, "head");
  if (logits->rank != 2 || !between(logits->shape[1], 1, MAX_WIDTH))
    return fail(e, "the head has too many labels, or none");
  e->labels = (size_t)logits->shape[1];
  return linear(r, &e->dense, first + DENSE, e->width, e->width, SIGNED_ZERO, e->width, e->width) &&
         linear(r, &e->logits, first + LOGITS, e->width, e->labels, SIGNED_ZERO, e->width, e->width);
}

static int open_all(Encoder *e, const Tensor *tensors, size_t count) {
  Reader r = {e, tensors, ""};
  size_t at = EMBEDDINGS;
  if (!check_config(e, count) || !check_sizes(e, tensors) || !open_embeddings(&r)) return 0;
  if (e->config.relative &&
      !(e->relative_bias = floats(&r, at++, (size_t)e->config.heads, 2 * e->positions - 1, LANES)))
    return 0;
  if (!open_layers(&r, at)) return 0;
  return !e->config.head || open_head(&r, at + (size_t)e->config.layers * LAYER);
}

Encoder *encoder_open(const Config *config, const Tensor *tensors, size_t count,
                      const char *kernels, char error[256]) {
  Encoder *e = calloc(1, sizeof *e);
  error[0] = 0;
  if (!e) {
    snprintf(error, 256, "there is no memory for the model");
    return NULL;
  }
  e->error = error;
  e->config = *config;
  atomic_flag_clear(&e->busy);
  e->kernels = choose_kernels(kernels);
  if (!e->kernels) fail(e, "this processor has no kernels named %.32s", kernels ? kernels : "");
  if (e->kernels && open_all(e, tensors, count)) return e;
  encoder_close(e);
  return NULL;
}

size_t encoder_width(const Encoder *e) { return e->config.head ? e->labels : e->width; }

const char *encoder_kernels(const Encoder *e) { return e->kernels->name; }

/* ---- arenas: a thread takes one, and gives it back ---- */

static void lock(Encoder *e) {
  while (atomic_flag_test_and_set_explicit(&e->busy, memory_order_acquire)) continue;
}
static void unlock(Encoder *e) { atomic_flag_clear_explicit(&e->busy, memory_order_release); }

static void close_arena(Arena *a) {
  if (!a) return;
  void *parts[] = {a->rows,   a->others, a->context,    a->heads,  a->inner,       a->maxima,
                   a->keys,   a->weights, a->row_scales, a->levels, a->inner_levels};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) free(parts[i]);
  free(a);
}

static Arena *open_arena(const Encoder *e, size_t tokens, size_t longest) {
  Arena *a = calloc(1, sizeof *a);
  if (!a) return NULL;
  size_t wide = up((size_t)e->config.heads * e->padded_head, LANES);
  size_t columns = e->group * 3 * e->padded_head, size = sizeof(float);
  size_t logits = up(e->labels, LANES), row = wide > e->width ? wide : e->width;
  a->tokens = tokens;
  a->padded = up(longest, LANES);
  int all = (a->rows = aligned(tokens * e->width * size)) != NULL;
  all &= (a->others = aligned(tokens * (e->width > logits ? e->width : logits) * size)) != NULL;
  all &= (a->context = aligned(tokens * row * size)) != NULL;
  all &= (a->heads = aligned(tokens * columns * size)) != NULL;
  all &= (a->inner = aligned(INNER_ROWS * e->inner * size)) != NULL;
  all &= (a->maxima = aligned(INNER_ROWS * LANES * size)) != NULL;
  all &= (a->keys = aligned(e->padded_head * a->padded * size)) != NULL;
  all &= (a->weights = aligned(ATTENTION_ROWS * a->padded * size)) != NULL;
  all &= (a->row_scales = aligned(tokens * size)) != NULL;
  all &= (a->levels = aligned(tokens * row)) != NULL;
  all &= (a->inner_levels = aligned(INNER_ROWS * e->inner)) != NULL;
  if (all) return a;
  close_arena(a);
  return NULL;
}

static Arena *take_arena(Encoder *e, size_t tokens, size_t longest) {
  lock(e);
  Arena *a = e->idle;
  if (a) e->idle = a->next;
  unlock(e);
  if (a && a->tokens >= tokens && a->padded >= longest) return a;
  if (a) {
    tokens = tokens > a->tokens ? tokens : a->tokens;
    longest = longest > a->padded ? longest : a->padded;
  }
  close_arena(a);
  return open_arena(e, tokens, longest);
}

static void give_arena(Encoder *e, Arena *a) {
  lock(e);
  a->next = e->idle;
  e->idle = a;
  unlock(e);
}

void encoder_close(Encoder *e) {
  if (!e) return;
  for (Arena *a = e->idle, *next; a; a = next) {
    next = a->next;
    close_arena(a);
  }
  for (size_t i = 0; i < e->block_count; i++) free(e->blocks[i]);
  free(e->blocks);
  free(e);
}

/* ---- running ---- */

typedef struct {
  Encoder *encoder;
  Arena *arena;
  const int32_t *ids, *lengths;
  size_t texts, tokens;
} Pass;

static void quantize_rows(const Kernels *k, const float *rows, size_t count, size_t width,
                          uint8_t *levels, float *scales) {
  for (size_t i = 0; i < count; i++)
    scales[i] = k->quantize(rows + i * width, width, levels + i * width);
}

static void normalize_rows(const Encoder *e, const Norm *n, float *rows, size_t count) {
  for (size_t i = 0; i < count; i++)
    e->kernels->normalize(rows + i * e->width, e->width, n->weight, n->bias, e->config.epsilon);
}

static void embed_pass(const Pass *p) {
  const Encoder *e = p->encoder;
  const int32_t *id = p->ids;
  float *row = p->arena->rows;
  for (size_t t = 0; t < p->texts; t++)
    for (int32_t position = 0; position < p->lengths[t]; position++, id++, row += e->width)
      e->kernels->embed(e->word_table + (size_t)*id * e->width, e->word_scales[*id],
                        e->position_table + (size_t)position * e->width, e->width, row);
  normalize_rows(e, &e->norm, p->arena->rows, p->tokens);
}

/* All texts for one head, whose columns begin at `at` in the rows of the group. */
static void attend_texts(const Pass *p, size_t head, size_t at, size_t stride, int first_only) {
  const Encoder *e = p->encoder;
  size_t row = 0, wide = (size_t)e->config.heads * e->padded_head;
  Attention a = {.stride = stride,
                 .width = e->padded_head,
                 .scale = 1.0f / __builtin_sqrtf((float)e->head_width),
                 .out_stride = wide,
                 .keys = p->arena->keys,
                 .weights = p->arena->weights};
  if (e->relative_bias)
    a.bias = e->relative_bias + head * (2 * e->positions - 1) + e->positions - 1;
  for (size_t t = 0; t < p->texts; row += a.tokens, t++) {
    a.tokens = (size_t)p->lengths[t];
    a.queries = first_only ? 1 : a.tokens;
    a.rows = p->arena->heads + row * stride + at;
    a.out = p->arena->context + (first_only ? t : row) * wide + head * e->padded_head;
    e->kernels->attend(&a);
  }
}

/* Rows -> context, group of heads by group of heads. */
static void attention(const Pass *p, const Layer *l, int first_only) {
  const Encoder *e = p->encoder;
  Arena *a = p->arena;
  size_t heads = (size_t)e->config.heads, one = 3 * e->padded_head;
  quantize_rows(e->kernels, a->rows, p->tokens, e->width, a->levels, a->row_scales);
  for (size_t head = 0; head < heads; head += e->group) {
    size_t end = head + e->group < heads ? head + e->group : heads, stride = (end - head) * one;
    Product product = {.matrix = &l->heads, .first = head * one, .last = end * one,
                       .rows = a->levels, .row_scales = a->row_scales, .count = p->tokens,
                       .out = a->heads, .stride = stride};
    e->kernels->product(&product);
    for (size_t h = head; h < end; h++) attend_texts(p, h, (h - head) * one, stride, first_only);
  }
}

static void multiply(const Encoder *e, const Matrix *m, Arena *a, size_t count, float *out,
                     Epilogue epilogue, const float *residual, const float *residual_scales) {
  Product product = {.matrix = m, .last = m->columns, .rows = a->levels,
                     .row_scales = a->row_scales, .count = count, .out = out,
                     .stride = m->columns, .epilogue = epilogue, .residual = residual,
                     .residual_scales = residual_scales};
  e->kernels->product(&product);
}

/* a->others -> a->rows */
static void feed_forward(const Encoder *e, Arena *a, const Layer *l, size_t count) {
  for (size_t row = 0; row < count; row += INNER_ROWS) {
    size_t rows = count - row < INNER_ROWS ? count - row : INNER_ROWS;
    const float *middle = a->others + row * e->width;
    quantize_rows(e->kernels, middle, rows, e->width, a->levels, a->row_scales);
    Product inner = {.matrix = &l->inner, .last = e->inner, .rows = a->levels,
                     .row_scales = a->row_scales, .count = rows, .out = a->inner,
                     .stride = e->inner, .epilogue = GELU, .maxima = a->maxima};
    e->kernels->product(&inner);
    for (size_t i = 0; i < rows; i++)
      a->row_scales[i] = e->kernels->quantize_gelu(a->inner + i * e->inner, a->maxima + i * LANES,
                                                   e->inner, a->inner_levels + i * e->inner);
    Product output = {.matrix = &l->output, .last = e->width, .rows = a->inner_levels,
                      .row_scales = a->row_scales, .count = rows,
                      .out = a->rows + row * e->width, .stride = e->width, .epilogue = RESIDUAL,
                      .residual = middle, .residual_scales = l->middle_scale};
    e->kernels->product(&output);
  }
  normalize_rows(e, &l->output_norm, a->rows, count);
}

/* Keep the rows of first tokens alone, in their order. */
static void keep_first(const Pass *p) {
  size_t row = 0, width = p->encoder->width;
  for (size_t t = 0; t < p->texts; row += (size_t)p->lengths[t++])
    memmove(p->arena->rows + t * width, p->arena->rows + row * width, width * sizeof(float));
}

static void run_layer(const Pass *p, const Layer *l, int first_only) {
  const Encoder *e = p->encoder;
  Arena *a = p->arena;
  size_t count = first_only ? p->texts : p->tokens;
  attention(p, l, first_only);
  if (first_only) keep_first(p);
  quantize_rows(e->kernels, a->context, count, l->context.rows, a->levels, a->row_scales);
  multiply(e, &l->context, a, count, a->others, RESIDUAL, a->rows, l->input_scale);
  normalize_rows(e, &l->middle_norm, a->others, count);
  feed_forward(e, a, l, count);
}

/* The rows of a pass -> a row per text at the front of a->rows. */
static void pool(const Pass *p) {
  const Encoder *e = p->encoder;
  size_t row = 0;
  if (e->config.first_only) return;
  for (size_t t = 0; t < p->texts; row += (size_t)p->lengths[t++])
    e->kernels->mean(p->arena->rows + row * e->width, (size_t)p->lengths[t], e->width,
                     p->arena->rows + t * e->width);
}

static void classify(const Pass *p, float *out) {
  const Encoder *e = p->encoder;
  Arena *a = p->arena;
  quantize_rows(e->kernels, a->rows, p->texts, e->width, a->levels, a->row_scales);
  multiply(e, &e->dense, a, p->texts, a->others, e->config.head == HEAD_TANH ? TANH : RELU, NULL, NULL);
  quantize_rows(e->kernels, a->others, p->texts, e->width, a->levels, a->row_scales);
  multiply(e, &e->logits, a, p->texts, a->others, PLAIN, NULL, NULL);
  for (size_t t = 0; t < p->texts; t++)
    memcpy(out + t * e->labels, a->others + t * e->logits.columns, e->labels * sizeof *out);
}

static void run_pass(const Pass *p, float *out) {
  const Encoder *e = p->encoder;
  size_t layers = (size_t)e->config.layers;
  embed_pass(p);
  for (size_t i = 0; i < layers; i++)
    run_layer(p, &e->layers[i], e->config.first_only && i + 1 == layers);
  pool(p);
  if (e->config.head) classify(p, out);
  else memcpy(out, p->arena->rows, p->texts * e->width * sizeof *out);
}

/* NULL, or what is wrong: nothing behind this line reads an index that was not checked. */
static const char *check_texts(const Encoder *e, const int32_t *ids, size_t tokens,
                               const int32_t *lengths, size_t texts) {
  size_t left = tokens;
  for (size_t t = 0; t < texts; t++) {
    if (lengths[t] < 1 || (size_t)lengths[t] > e->positions)
      return "the length of a text is below 1 or above the model's positions";
    if ((size_t)lengths[t] > left) return "the lengths are more than the token ids";
    left -= (size_t)lengths[t];
  }
  if (left) return "the lengths are fewer than the token ids";
  for (size_t i = 0; i < tokens; i++)
    if (ids[i] < 0 || (size_t)ids[i] >= e->words) return "a token id is not in the vocabulary";
  return NULL;
}

/* The texts from here on that go in one pass. */
static void plan(Pass *p, size_t texts, size_t *longest) {
  p->texts = p->tokens = *longest = 0;
  while (p->texts < texts && (!p->texts || p->tokens + (size_t)p->lengths[p->texts] <= PASS)) {
    size_t length = (size_t)p->lengths[p->texts++];
    p->tokens += length;
    if (length > *longest) *longest = length;
  }
}

const char *encoder_run(Encoder *e, const int32_t *ids, size_t tokens, const int32_t *lengths,
                        size_t texts, float *out) {
  const char *wrong = check_texts(e, ids, tokens, lengths, texts);
  if (wrong) return wrong;
  Pass p = {.encoder = e, .ids = ids, .lengths = lengths};
  FloatControl before = standard_floats();
  while (texts && !wrong) {
    size_t longest;
    plan(&p, texts, &longest);
    p.arena = take_arena(e, p.tokens, longest);
    if (p.arena) {
      run_pass(&p, out);
      give_arena(e, p.arena);
    } else {
      wrong = "there is no memory for these texts";
    }
    p.ids += p.tokens;
    p.lengths += p.texts;
    texts -= p.texts;
    out += p.texts * encoder_width(e);
  }
  restore_floats(before);
  return wrong;
}
