// Which levels this build has and this machine can run.
#include <string.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "../errors.hpp"
#include "kernels.hpp"

namespace inglenook {

extern const Kernels kernels_plain, kernels_portable;
#if defined(__x86_64__)
extern const Kernels kernels_avx2, kernels_avx512, kernels_avx512_bf16;
#elif defined(__aarch64__)
extern const Kernels kernels_neon;
#endif

std::vector<const Kernels*> usable_levels() {
  std::vector<const Kernels*> levels{&kernels_plain, &kernels_portable};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  if (has_avx2) levels.push_back(&kernels_avx2);
  if (has_avx512) levels.push_back(&kernels_avx512);
  if (has_avx512 && __builtin_cpu_supports("avx512bf16")) levels.push_back(&kernels_avx512_bf16);
#elif defined(__aarch64__)
  constexpr unsigned long kDotProduct = 1ul << 20;   // HWCAP_ASIMDDP
  if (getauxval(AT_HWCAP) & kDotProduct) levels.push_back(&kernels_neon);
#endif
  return levels;
}

const Kernels& kernels_for(const std::string& level) {
  const std::vector<const Kernels*> levels = usable_levels();
  if (level == "auto") return *levels.back();
  std::string known;
  for (const Kernels* kernels : levels) {
    if (level == kernels->level) return *kernels;
    known += std::string(known.empty() ? "" : ", ") + kernels->level;
  }
  throw UsageFault("instruction-set level '" + level + "' cannot run here; this machine has " + known + " (or auto)");
}

bool is_native(const Kernels& kernels, Precision precision) {
  if (precision == Precision::kFp32) return true;
  if (precision == Precision::kBf16) return strcmp(kernels.level, "avx512_bf16") == 0;
  return strncmp(kernels.level, "avx512", 6) == 0 || strcmp(kernels.level, "neon") == 0;
}

}  // namespace inglenook
