#include "level.hpp"

namespace inglenook {
extern const Kernels kernels_avx512_bf16;
const Kernels kernels_avx512_bf16 = table("avx512_bf16");
}  // namespace inglenook
