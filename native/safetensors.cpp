// Reading safetensors (format of github.com/huggingface/safetensors, README "Format"): 8 bytes little-endian header
// length, a JSON header, then the data. Rules enforced before any tensor is handed out:
//   header at most 100 MB and inside the file; one JSON object of the two shapes the format knows, nothing else;
//   no duplicate name; offsets ordered, inside the data, size = product of shape x item size without overflow;
//   the ranges tile the data: no overlap, no hole, nothing after the last.
#include "safetensors.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "errors.hpp"

namespace inglenook {
namespace {

static_assert(std::endian::native == std::endian::little, "the reader copies little-endian values as they stand");

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxRank = 8;

struct ItemType {
  const char* name;
  DType dtype;
  uint64_t bytes;
};
constexpr ItemType kItemTypes[] = {
    {"F32", DType::kF32, 4},   {"F16", DType::kF16, 2},   {"BF16", DType::kBF16, 2}, {"I8", DType::kI8, 1},
    {"F64", DType::kOther, 8}, {"I64", DType::kOther, 8}, {"I32", DType::kOther, 4}, {"I16", DType::kOther, 2},
    {"U8", DType::kOther, 1},  {"U16", DType::kOther, 2}, {"U32", DType::kOther, 4}, {"U64", DType::kOther, 8},
    {"BOOL", DType::kOther, 1}};

// Well-formed UTF-8 (Unicode 15, table 3-7): no overlong form, surrogate or value beyond U+10FFFF.
bool is_utf8(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
    const unsigned lead = byte(i), second = byte(i + 1);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const size_t length = lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
    if (!length || (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second >= 0xA0) || (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second >= 0x90))
      return false;
    for (size_t j = 1; j < length; ++j)
      if ((byte(i + j) & 0xC0) != 0x80) return false;
    i += length;
  }
  return true;
}

// A cursor over the header that accepts the JSON the format allows and nothing more.
class Header {
 public:
  Header(const char* begin, const char* end, const std::string& path) : begin_(begin), at_(begin), end_(end), path_(path) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw ModelFault(path_ + ": the safetensors header " + what + " (byte " + std::to_string(8 + (at_ - begin_)) +
                     "); the file is damaged, fetch it again");
  }

  bool take(char c) {
    skip_space();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!take(c)) fail(std::string("lacks '") + c + "'");
  }

  // Calls item() for each element of a bracketed, comma-separated list whose opening bracket is next.
  template <class Item>
  void list(char open, char close, Item&& item) {
    expect(open);
    if (take(close)) return;
    do item();
    while (take(','));
    expect(close);
  }

  std::string text() {
    expect('"');
    std::string out;
    while (true) {
      if (at_ == end_) fail("ends inside a string");
      const char c = *at_++;
      if (c == '"') {
        if (!is_utf8(out)) fail("has a string that is not UTF-8");
        return out;
      }
      if (static_cast<unsigned char>(c) < 0x20) fail("has a control character in a string");
      if (c == '\\') escape(out);
      else out.push_back(c);
    }
  }

  uint64_t number() {
    skip_space();
    if (at_ == end_ || *at_ < '0' || *at_ > '9') fail("has something that is no whole number where one belongs");
    uint64_t value = 0;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9')
      if (__builtin_mul_overflow(value, uint64_t{10}, &value) || __builtin_add_overflow(value, uint64_t(*at_++ - '0'), &value))
        fail("has a number beyond 64 bits");
    return value;
  }

  void finish() {
    skip_space();
    if (at_ != end_) fail("goes on after its object");
  }

 private:
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  uint32_t hex4() {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      if (at_ == end_) fail("ends inside a string");
      const char c = *at_++;
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) fail("has a bad \\u escape");
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    return value;
  }

  void escape(std::string& out) {
    static constexpr char kFrom[] = "\"\\/bfnrt", kTo[] = "\"\\/\b\f\n\r\t";
    if (at_ == end_) fail("ends inside a string");
    const char c = *at_++;
    if (const char* known = c ? std::strchr(kFrom, c) : nullptr) return out.push_back(kTo[known - kFrom]);
    if (c != 'u') fail("has an unknown escape");
    uint32_t code = hex4();
    if (code >= 0xD800 && code < 0xDC00) {
      if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') fail("has half a surrogate pair");
      at_ += 2;
      const uint32_t low = hex4();
      if (low < 0xDC00 || low > 0xDFFF) fail("has half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      fail("has half a surrogate pair");
    }
    if (code < 0x80) return out.push_back(static_cast<char>(code));
    const int extra = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    out.push_back(static_cast<char>((0xF80 >> extra & 0xFF) | code >> 6 * extra));
    for (int i = extra - 1; i >= 0; --i) out.push_back(static_cast<char>(0x80 | (code >> 6 * i & 0x3F)));
  }

  const char *begin_, *at_, *end_;
  const std::string& path_;
};

struct Range {
  uint64_t begin = 0, end = 0;
};

// One {"dtype": ..., "shape": [...], "data_offsets": [a, b]} in any order of keys.
Range read_tensor(Header& header, Tensor& tensor) {
  Range range;
  bool has_dtype = false, has_shape = false, has_offsets = false;
  uint64_t item_bytes = 0;
  header.list('{', '}', [&] {
    const std::string key = header.text();
    header.expect(':');
    if (key == "dtype" && !has_dtype) {
      has_dtype = true;
      tensor.dtype_name = header.text();
      for (const ItemType& item : kItemTypes)
        if (tensor.dtype_name == item.name) tensor.dtype = item.dtype, item_bytes = item.bytes;
      if (!item_bytes) header.fail("gives '" + tensor.name + "' the unknown type '" + tensor.dtype_name + "'");
    } else if (key == "shape" && !has_shape) {
      has_shape = true;
      header.list('[', ']', [&] {
        if (tensor.shape.size() == kMaxRank) header.fail("gives '" + tensor.name + "' more than 8 dimensions");
        tensor.shape.push_back(header.number());
      });
    } else if (key == "data_offsets" && !has_offsets) {
      has_offsets = true;
      int count = 0;
      header.list('[', ']', [&] {
        const uint64_t value = header.number();
        if (count == 0) range.begin = value;
        if (count == 1) range.end = value;
        ++count;
      });
      if (count != 2) header.fail("gives '" + tensor.name + "' " + std::to_string(count) + " offsets, not 2");
    } else {
      header.fail("gives '" + tensor.name + "' a second or unknown key '" + key + "'");
    }
  });
  if (!has_dtype || !has_shape || !has_offsets) header.fail("gives '" + tensor.name + "' no dtype, shape or data_offsets");
  uint64_t count = 1;
  for (const uint64_t size : tensor.shape)
    if (__builtin_mul_overflow(count, size, &count)) header.fail("gives '" + tensor.name + "' a shape beyond 64 bits");
  tensor.num_elements = count;
  if (__builtin_mul_overflow(count, item_bytes, &tensor.size_bytes))
    header.fail("gives '" + tensor.name + "' a size beyond 64 bits");
  if (range.end < range.begin || range.end - range.begin != tensor.size_bytes)
    header.fail("gives '" + tensor.name + "' the range " + std::to_string(range.begin) + "-" + std::to_string(range.end) +
                ", its shape needs " + std::to_string(tensor.size_bytes) + " bytes");
  return range;
}

void read_header(Header& header, std::vector<std::pair<Range, Tensor>>& found,
                 std::vector<std::pair<std::string, std::string>>& metadata) {
  bool has_metadata = false;
  header.list('{', '}', [&] {
    Tensor tensor;
    tensor.name = header.text();
    header.expect(':');
    if (tensor.name != "__metadata__") {
      const Range range = read_tensor(header, tensor);
      found.emplace_back(range, std::move(tensor));
      return;
    }
    if (has_metadata) header.fail("has two __metadata__");
    has_metadata = true;
    header.list('{', '}', [&] {
      std::string key = header.text();
      header.expect(':');
      metadata.emplace_back(std::move(key), header.text());
    });
  });
  header.finish();
}

float half_to_float(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16, exponent = half >> 10 & 31, fraction = half & 0x3FFu;
  if (exponent == 0) {
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -value : value;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | fraction << 13);
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

template <class T>
T load(const std::byte* data, uint64_t index) {
  T value;
  std::memcpy(&value, data + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

float element(const Tensor& tensor, uint64_t index) {
  switch (tensor.dtype) {
    case DType::kF32: return load<float>(tensor.data, index);
    case DType::kF16: return half_to_float(load<uint16_t>(tensor.data, index));
    case DType::kBF16: return std::bit_cast<float>(uint32_t{load<uint16_t>(tensor.data, index)} << 16);
    case DType::kI8: return load<int8_t>(tensor.data, index);
    case DType::kOther: break;
  }
  throw ModelFault("tensor '" + tensor.name + "' has type " + tensor.dtype_name + "; weights are F32, F16, BF16 or I8");
}

void copy_floats(const Tensor& tensor, uint64_t first, uint64_t count, float* out) {
  if (tensor.dtype == DType::kF32) {
    std::memcpy(out, tensor.data + first * 4, count * 4);
    return;
  }
  for (uint64_t i = 0; i < count; ++i) out[i] = element(tensor, first + i);
}

SafeTensors::SafeTensors(const std::string& path) : path_(path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw ModelFault(path + ": cannot be opened: " + std::strerror(errno));
  struct stat status {};
  const bool is_file = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  size_ = is_file ? static_cast<uint64_t>(status.st_size) : 0;
  void* map = size_ >= 8 ? ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
  ::close(file);
  if (size_ < 8) throw ModelFault(path + ": " + std::to_string(size_) + " bytes are too few for a safetensors file");
  if (map == MAP_FAILED) throw ModelFault(path + ": cannot be mapped: " + std::strerror(errno));
  map_ = static_cast<std::byte*>(map);
  try {
    const uint64_t header_bytes = load<uint64_t>(map_, 0);
    if (header_bytes > kMaxHeaderBytes || header_bytes > size_ - 8)
      throw ModelFault(path + ": the safetensors header says it has " + std::to_string(header_bytes) + " bytes, the file has " +
                       std::to_string(size_ - 8) + " and the limit is 100000000; the file is damaged, fetch it again");
    const char* text = reinterpret_cast<const char*>(map_) + 8;
    Header header(text, text + header_bytes, path_);
    std::vector<std::pair<Range, Tensor>> found;
    read_header(header, found, metadata_);
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
      return a.first.begin != b.first.begin ? a.first.begin < b.first.begin : a.first.end < b.first.end;
    });
    const uint64_t data_bytes = size_ - 8 - header_bytes;
    uint64_t at = 0;
    for (auto& [range, tensor] : found) {
      if (range.begin != at || range.end > data_bytes)
        throw ModelFault(path + ": '" + tensor.name + "' lies at " + std::to_string(range.begin) + "-" + std::to_string(range.end) +
                         ", expected to start at " + std::to_string(at) + " and end by " + std::to_string(data_bytes) +
                         "; the file is damaged or truncated, fetch it again");
      at = range.end;
      tensor.data = map_ + 8 + header_bytes + range.begin;
      tensors_.push_back(std::move(tensor));
    }
    if (at != data_bytes)
      throw ModelFault(path + ": the tensors take " + std::to_string(at) + " bytes, the file holds " + std::to_string(data_bytes) +
                       "; the file is damaged, fetch it again");
    std::sort(tensors_.begin(), tensors_.end(), [](const Tensor& a, const Tensor& b) { return a.name < b.name; });
    for (size_t i = 1; i < tensors_.size(); ++i)
      if (tensors_[i].name == tensors_[i - 1].name) throw ModelFault(path + ": the name '" + tensors_[i].name + "' stands twice");
  } catch (...) {
    ::munmap(map_, size_);
    throw;
  }
}

SafeTensors::~SafeTensors() { ::munmap(map_, size_); }

const Tensor* SafeTensors::find(const std::string& name) const {
  const auto at = std::lower_bound(tensors_.begin(), tensors_.end(), name, [](const Tensor& t, const std::string& n) { return t.name < n; });
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

}  // namespace inglenook
