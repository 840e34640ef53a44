/* Which kernels this processor can run, asked of the processor itself. */
#include <string.h>

#include "kernels.h"

extern const Kernels kernels_portable;

#if defined(__x86_64__)
#include <cpuid.h>
extern const Kernels kernels_avx512, kernels_avx2;

static unsigned long long enabled_state(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((unsigned long long)high << 32) | low;
}

/* Intel SDM, volume 2, CPUID: bits of leaf 1 and 7, and the registers that the system saves. */
static int can_run(const Kernels *k) {
  unsigned a, b, c, d, b7 = 0, c7 = 0;
  if (k == &kernels_portable) return 1;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_FMA) || !(c & bit_AVX))
    return 0;
  if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d) || !(b7 & bit_AVX2) || !(b7 & bit_BMI2)) return 0;
  unsigned long long state = enabled_state();
  if ((state & 0x06) != 0x06) return 0;
  if (k == &kernels_avx2) return 1;
  unsigned wide = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL | bit_AVX512CD;
  return (b7 & wide) == wide && (c7 & bit_AVX512VNNI) && (state & 0xe6) == 0xe6;
}
static const Kernels *const ALL[] = {&kernels_avx512, &kernels_avx2, &kernels_portable};

#elif defined(__aarch64__)
extern const Kernels kernels_i8mm, kernels_dotprod;
#if defined(__APPLE__)
#include <sys/sysctl.h>
static int has(const char *feature) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(feature, &value, &size, NULL, 0) == 0 && value;
}
static int can_run(const Kernels *k) {
  if (k == &kernels_i8mm) return has("hw.optional.arm.FEAT_I8MM");
  return k == &kernels_portable || has("hw.optional.arm.FEAT_DotProd");
}
#else
#include <sys/auxv.h>
/* Linux, arch/arm64/include/uapi/asm/hwcap.h: HWCAP_ASIMDDP and HWCAP2_I8MM. */
static int can_run(const Kernels *k) {
  if (k == &kernels_i8mm) return getauxval(AT_HWCAP2) >> 13 & 1;
  return k == &kernels_portable || (getauxval(AT_HWCAP) >> 20 & 1);
}
#endif
static const Kernels *const ALL[] = {&kernels_i8mm, &kernels_dotprod, &kernels_portable};

#else
static int can_run(const Kernels *k) { return k == &kernels_portable; }
static const Kernels *const ALL[] = {&kernels_portable};
#endif

const Kernels *choose_kernels(const char *name) {
  int any = !name || !*name || !strcmp(name, "auto");
  for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
    if ((any || !strcmp(name, ALL[i]->name)) && can_run(ALL[i])) return ALL[i];
  return NULL;
}
