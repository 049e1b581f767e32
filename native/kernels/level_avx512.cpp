#include "level.hpp"

namespace inglenook {
extern const Kernels kernels_avx512;
const Kernels kernels_avx512 = table("avx512");
}  // namespace inglenook
