/* The part of onnxruntime's C API that a custom operator needs.
 *
 * The table of functions is append-only (onnxruntime_c_api.h: "the order of these functions must not
 * change"), so a function is a place in it. Version 16, of onnxruntime 1.16, is the first whose
 * operators can return a status.
 */
#ifndef TEXTFN_ORT_H
#define TEXTFN_ORT_H

#include <stddef.h>
#include <stdint.h>

enum { API_VERSION = 16 };

typedef struct {
  const void *const *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} ApiBase;

enum {
  CreateStatus = 0,
  CreateCustomOpDomain = 26,
  CustomOpDomain_Add = 27,
  AddCustomOpDomain = 28,
  GetTensorMutableData = 51,
  GetTensorElementType = 60,
  GetDimensionsCount = 61,
  GetDimensions = 62,
  GetTensorTypeAndShape = 65,
  KernelInfoGetAttribute_float = 85,
  KernelInfoGetAttribute_int64 = 86,
  KernelContext_GetInput = 90,
  KernelContext_GetOutput = 91,
  ReleaseTensorTypeAndShapeInfo = 99,
  KernelInfo_GetInputCount = 230,
  KernelInfoGetConstantInput_tensor = 249,
};

enum { INVALID_ARGUMENT = 2, INVALID_GRAPH = 10 };
enum { REQUIRED = 0, VARIADIC = 2 };
enum { UNDEFINED = 0, FLOAT = 1, INT32 = 6 };

typedef void Status;

/* OrtCustomOp. A function that is NULL has its default. */
typedef struct Operator {
  uint32_t version;
  void *(*CreateKernel)(const struct Operator *, const void *api, const void *info);
  const char *(*GetName)(const struct Operator *);
  const char *(*GetExecutionProviderType)(const struct Operator *);
  int (*GetInputType)(const struct Operator *, size_t index);
  size_t (*GetInputTypeCount)(const struct Operator *);
  int (*GetOutputType)(const struct Operator *, size_t index);
  size_t (*GetOutputTypeCount)(const struct Operator *);
  void (*KernelCompute)(void *kernel, void *context);
  void (*KernelDestroy)(void *kernel);
  int (*GetInputCharacteristic)(const struct Operator *, size_t index);
  int (*GetOutputCharacteristic)(const struct Operator *, size_t index);
  int (*GetInputMemoryType)(const struct Operator *, size_t index);
  int (*GetVariadicInputMinArity)(const struct Operator *);
  int (*GetVariadicInputHomogeneity)(const struct Operator *);
  int (*GetVariadicOutputMinArity)(const struct Operator *);
  int (*GetVariadicOutputHomogeneity)(const struct Operator *);
  Status *(*CreateKernelV2)(const struct Operator *, const void *api, const void *info, void **kernel);
  Status *(*KernelComputeV2)(void *kernel, void *context);
  void *more[8]; /* of later versions */
} Operator;

#endif
