#include "level.hpp"

namespace inglenook {
extern const Kernels kernels_avx2;
const Kernels kernels_avx2 = table("avx2");
}  // namespace inglenook
