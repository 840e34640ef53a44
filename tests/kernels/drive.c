/* Opens the model of a file, runs the texts of another in some threads, writes the rows.
 * drive MODEL TEXTS ROWS [THREADS]. Exit 2: the model is refused, 3: the texts are, 9: no such file. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoder.h"

static Encoder *encoder;
static int64_t counts[2]; /* texts, tokens */
static int32_t *lengths, *ids;

static void *take(FILE *file, size_t bytes) {
  void *block = malloc(bytes ? bytes : 1);
  if (!block || fread(block, 1, bytes, file) != bytes) exit(9);
  return block;
}

static FILE *opened(const char *name, const char *mode) {
  FILE *file = fopen(name, mode);
  if (!file) exit(9);
  return file;
}

static void *work(void *rows) {
  const char *wrong = encoder_run(encoder, ids, (size_t)counts[1], lengths, (size_t)counts[0], rows);
  if (wrong) fprintf(stderr, "%s\n", wrong);
  return (void *)wrong;
}

int main(int argc, char **argv) {
  enum { MOST = 8 };
  FILE *file = opened(argv[1], "rb");
  Config *config = take(file, sizeof *config);
  int64_t *count = take(file, sizeof *count), *shapes = take(file, (size_t)*count * 32);
  Tensor *tensors = calloc((size_t)*count + 1, sizeof *tensors);
  for (int64_t i = 0; i < *count; i++) {
    int64_t *s = shapes + 4 * i;
    size_t size = (size_t)s[2] * (size_t)(s[1] > 1 ? s[3] : 1) * (s[0] == TENSOR_FLOAT ? 4 : 1);
    tensors[i] = (Tensor){(int)s[0], (size_t)s[1], {s[2], s[3]}, take(file, size)};
  }
  fclose(file);
  char error[256];
  encoder = encoder_open(config, tensors, (size_t)*count, getenv("TEXTFN_KERNELS"), error);
  int code = encoder ? 0 : 2;
  if (code) fprintf(stderr, "%s\n", error);
  file = opened(argv[2], "rb");
  int64_t *read = take(file, sizeof counts);
  memcpy(counts, read, sizeof counts);
  lengths = take(file, (size_t)counts[0] * 4);
  ids = take(file, (size_t)counts[1] * 4);
  fclose(file);
  int threads = argc > 4 ? atoi(argv[4]) : 1;
  size_t bytes = encoder ? (size_t)counts[0] * encoder_width(encoder) * sizeof(float) : 0;
  float *rows[MOST];
  pthread_t ran[MOST];
  for (int i = 0; !code && i < threads; i++) {
    rows[i] = malloc(bytes ? bytes : 1);
    pthread_create(&ran[i], NULL, work, rows[i]);
  }
  for (int i = 0, before = code; !before && i < threads; i++) {
    void *wrong;
    pthread_join(ran[i], &wrong);
    if (wrong) code = 3;
    else if (memcmp(rows[i], rows[0], bytes)) code = 4;
  }
  if (!code) {
    file = opened(argv[3], "wb");
    fwrite(rows[0], 1, bytes, file);
    fclose(file);
  }
  for (int i = 0; encoder && i < threads; i++) free(rows[i]);
  encoder_close(encoder);
  for (int64_t i = 0; i < *count; i++) free((void *)tensors[i].data);
  free(config), free(count), free(shapes), free(tensors), free(read), free(lengths), free(ids);
  return code;
}
