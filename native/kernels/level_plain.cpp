#define INGLENOOK_PLAIN
#include "level.hpp"

namespace inglenook {
extern const Kernels kernels_plain;
const Kernels kernels_plain = table("plain");
}  // namespace inglenook
