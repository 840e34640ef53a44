/* An int8 text encoder: packed token ids in, one row of floats per text out.
 *
 * The answer has the same bits on every processor, alone and in every batch; docs/kernels.md gives
 * the argument. Nothing here opens a file, uses the network or keeps global state.
 */
#ifndef TEXTFN_ENCODER_H
#define TEXTFN_ENCODER_H

#include <stddef.h>
#include <stdint.h>

enum { TENSOR_FLOAT = 1, TENSOR_INT8 = 3 }; /* as ONNX numbers them */

/* A constant of the model. `data` has no alignment and stays valid while the encoder is open. */
typedef struct {
  int type;
  size_t rank;
  int64_t shape[2];
  const void *data;
} Tensor;

typedef enum { NO_HEAD, HEAD_TANH, HEAD_RELU } HeadKind;

/* Raised when bits of an answer change, so that a graph of another time is refused. */
enum { NUMERICS = 1 };

typedef struct {
  int64_t numerics, layers, heads;
  int64_t first_only; /* 1: the row of the first token, 0: the mean of a text's rows */
  int64_t relative;   /* 1: attention has a bias by the distance of two tokens (MPNet) */
  int64_t head;       /* a HeadKind */
  float epsilon;      /* of the LayerNorms */
} Config;

/* The tensors, in this order: EMBEDDINGS; `relative_bias` if `relative`; per layer LAYER; HEAD if
 * there is a head. A matrix is int8 [in, out], a scale belongs to each of its columns. */
enum { WORDS, WORD_SCALES, POSITIONS, NORM_WEIGHT, NORM_BIAS, EMBEDDINGS };
enum {
  QUERY, QUERY_SCALE, QUERY_BIAS, KEY, KEY_SCALE, VALUE, VALUE_SCALE,
  CONTEXT, CONTEXT_SCALE, CONTEXT_BIAS, INPUT_SCALE, MIDDLE_NORM, MIDDLE_NORM_BIAS,
  INNER, INNER_SCALE, INNER_BIAS, OUTPUT, OUTPUT_SCALE, OUTPUT_BIAS, MIDDLE_SCALE,
  OUTPUT_NORM, OUTPUT_NORM_BIAS, LAYER
};
enum { DENSE, DENSE_SCALE, DENSE_BIAS, LOGITS, LOGITS_SCALE, LOGITS_BIAS, HEAD };

typedef struct Encoder Encoder;

/* Check every tensor and pack the matrices. NULL and a sentence in `error` for a model that cannot
 * be used. `kernels` is the name of an instruction set; NULL, "" and "auto" are the best one that the
 * processor has. */
Encoder *encoder_open(const Config *config, const Tensor *tensors, size_t count,
                      const char *kernels, char error[256]);
void encoder_close(Encoder *encoder);

/* The width of a row of the answer: the hidden size, or the number of labels. */
size_t encoder_width(const Encoder *encoder);
const char *encoder_kernels(const Encoder *encoder);

/* Write [texts, width] floats. `ids` are those of all texts, one text behind the other. Threads may
 * share an encoder. Returns NULL, or a sentence about what is wrong with the arguments. */
const char *encoder_run(Encoder *encoder, const int32_t *ids, size_t tokens, const int32_t *lengths,
                        size_t texts, float *out);

#endif
