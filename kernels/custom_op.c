/* The encoder as onnxruntime's operator `Encoder` of the domain `textfn`.
 *
 * Inputs: `ids` int32 [tokens], `lengths` int32 [texts], and the constants that encoder.h lists.
 * Attributes: those of Config. Output: float [texts, width].
 */
#include <stdlib.h>

#include "encoder.h"
#include "ort.h"

enum { IDS, LENGTHS, CONSTANTS, MOST_CONSTANTS = 4096 };

typedef struct {
  const void *const *api;
  Encoder *encoder;
} Kernel;

#define CALL(api, function, types, ...) ((Status * (*) types)(api)[function])(__VA_ARGS__)
#define TRY(call)                     \
  do {                                \
    Status *status = (call);          \
    if (status) return status;        \
  } while (0)

static Status *failure(const void *const *api, int code, const char *message) {
  return CALL(api, CreateStatus, (int, const char *), code, message);
}

static Status *read_tensor(const void *const *api, const void *value, Tensor *t) {
  void *shape, *data;
  TRY(CALL(api, GetTensorTypeAndShape, (const void *, void **), value, &shape));
  Status *status = CALL(api, GetTensorElementType, (void *, int *), shape, &t->type);
  if (!status) status = CALL(api, GetDimensionsCount, (void *, size_t *), shape, &t->rank);
  if (!status)
    status = CALL(api, GetDimensions, (void *, int64_t *, size_t), shape, t->shape,
                  t->rank < 2 ? t->rank : 2);
  ((void (*)(void *))api[ReleaseTensorTypeAndShapeInfo])(shape);
  if (status) return status;
  TRY(CALL(api, GetTensorMutableData, (const void *, void **), value, &data));
  t->data = data;
  return NULL;
}

static Status *read_config(const void *const *api, const void *info, Config *c) {
  struct {
    const char *name;
    int64_t *value;
  } integers[] = {{"numerics", &c->numerics}, {"layers", &c->layers}, {"heads", &c->heads}, {"first_only", &c->first_only},
                  {"relative", &c->relative}, {"head", &c->head}};
  for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
    TRY(CALL(api, KernelInfoGetAttribute_int64, (const void *, const char *, int64_t *), info,
             integers[i].name, integers[i].value));
  return CALL(api, KernelInfoGetAttribute_float, (const void *, const char *, float *), info,
              "epsilon", &c->epsilon);
}

static Status *read_constants(const void *const *api, const void *info, Tensor *tensors,
                              size_t count) {
  for (size_t i = 0; i < count; i++) {
    int constant = 0;
    const void *value = NULL;
    TRY(CALL(api, KernelInfoGetConstantInput_tensor,
             (const void *, size_t, int *, const void **), info, CONSTANTS + i, &constant, &value));
    if (!constant || !value) return failure(api, INVALID_GRAPH, "an input is not a constant");
    TRY(read_tensor(api, value, &tensors[i]));
  }
  return NULL;
}

static Status *open_encoder(Kernel *kernel, const void *info, Tensor *tensors, size_t count) {
  Config config;
  char error[256];
  TRY(read_config(kernel->api, info, &config));
  TRY(read_constants(kernel->api, info, tensors, count));
  kernel->encoder = encoder_open(&config, tensors, count, getenv("TEXTFN_KERNELS"), error);
  return kernel->encoder ? NULL : failure(kernel->api, INVALID_GRAPH, error);
}

static void destroy(void *kernel) {
  encoder_close(((Kernel *)kernel)->encoder);
  free(kernel);
}

static Status *create(const Operator *op, const void *table, const void *info, void **out) {
  (void)op;
  const void *const *api = table;
  size_t inputs;
  TRY(CALL(api, KernelInfo_GetInputCount, (const void *, size_t *), info, &inputs));
  if (inputs < CONSTANTS || inputs > MOST_CONSTANTS)
    return failure(api, INVALID_GRAPH, "there are too many inputs, or too few");
  Kernel *kernel = calloc(1, sizeof *kernel);
  Tensor *tensors = calloc(inputs, sizeof *tensors);
  Status *status = NULL;
  if (kernel) kernel->api = api;
  if (!kernel || !tensors) status = failure(api, INVALID_GRAPH, "there is no memory for the model");
  else status = open_encoder(kernel, info, tensors, inputs - CONSTANTS);
  free(tensors);
  if (status) free(kernel);
  else *out = kernel;
  return status;
}

static Status *read_input(const void *const *api, void *context, size_t index, Tensor *t) {
  const void *value = NULL;
  TRY(CALL(api, KernelContext_GetInput, (void *, size_t, const void **), context, index, &value));
  TRY(read_tensor(api, value, t));
  if (t->type == INT32 && t->rank == 1 && t->shape[0] >= 0) return NULL;
  return failure(api, INVALID_ARGUMENT, "ids and lengths must be int32 with one dimension");
}

static Status *compute(void *self, void *context) {
  Kernel *kernel = self;
  const void *const *api = kernel->api;
  Tensor ids, lengths;
  void *value, *out;
  TRY(read_input(api, context, IDS, &ids));
  TRY(read_input(api, context, LENGTHS, &lengths));
  int64_t shape[2] = {lengths.shape[0], (int64_t)encoder_width(kernel->encoder)};
  TRY(CALL(api, KernelContext_GetOutput, (void *, size_t, const int64_t *, size_t, void **), context,
           0, shape, 2, &value));
  TRY(CALL(api, GetTensorMutableData, (void *, void **), value, &out));
  const char *wrong = encoder_run(kernel->encoder, ids.data, (size_t)ids.shape[0], lengths.data,
                                  (size_t)lengths.shape[0], out);
  return wrong ? failure(api, INVALID_ARGUMENT, wrong) : NULL;
}

static const char *name(const Operator *op) { return (void)op, "Encoder"; }
static const char *provider(const Operator *op) { return (void)op, "CPUExecutionProvider"; }
static int input_type(const Operator *op, size_t i) {
  return (void)op, i < CONSTANTS ? INT32 : UNDEFINED;
}
static size_t input_count(const Operator *op) { return (void)op, CONSTANTS + 1; }
static int output_type(const Operator *op, size_t i) { return (void)op, (void)i, FLOAT; }
static size_t output_count(const Operator *op) { return (void)op, 1; }
static int input_kind(const Operator *op, size_t i) {
  return (void)op, i < CONSTANTS ? REQUIRED : VARIADIC;
}
static int output_kind(const Operator *op, size_t i) { return (void)op, (void)i, REQUIRED; }
static int memory_type(const Operator *op, size_t i) { return (void)op, (void)i, 0; }
static int one(const Operator *op) { return (void)op, 1; }
static int zero(const Operator *op) { return (void)op, 0; }

static const Operator ENCODER = {.version = API_VERSION,
                                 .GetName = name,
                                 .GetExecutionProviderType = provider,
                                 .GetInputType = input_type,
                                 .GetInputTypeCount = input_count,
                                 .GetOutputType = output_type,
                                 .GetOutputTypeCount = output_count,
                                 .KernelDestroy = destroy,
                                 .GetInputCharacteristic = input_kind,
                                 .GetOutputCharacteristic = output_kind,
                                 .GetInputMemoryType = memory_type,
                                 .GetVariadicInputMinArity = one,
                                 .GetVariadicInputHomogeneity = zero,
                                 .GetVariadicOutputMinArity = one,
                                 .GetVariadicOutputHomogeneity = one,
                                 .CreateKernelV2 = create,
                                 .KernelComputeV2 = compute};

/* onnxruntime looks for this name in a library of custom operators. */
__attribute__((visibility("default"))) Status *RegisterCustomOps(void *options, const ApiBase *base) {
  const void *const *api = base->GetApi(API_VERSION);
  void *domain;
  if (!api) abort(); /* unreachable: the Python side asks for this version first */
  TRY(CALL(api, CreateCustomOpDomain, (const char *, void **), "textfn", &domain));
  TRY(CALL(api, CustomOpDomain_Add, (void *, const void *), domain, &ENCODER));
  return CALL(api, AddCustomOpDomain, (void *, void *), options, domain);
}
