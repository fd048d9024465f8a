// What JavaScript calls. Everything it passes is checked: a wrong argument is an exception or a number that says which.
#include <math.h>
#include <node_api.h>

#include "extents.h"
#include "limits.h"
#include "pool.h"

#if defined(__linux__)
#include <sys/mman.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif
#endif

namespace tersor {

#if defined(__x86_64__) || defined(_M_X64)
extern const KernelTable baselineTable, avx2Table, avx512Table;
#else
extern const KernelTable neonTable;
#endif

namespace {

constexpr size_t MOST_ARGUMENTS = 40;

/** The tables that this processor can run, the best first. */
const KernelTable *tables[4];
int tableCount = 0;

void findTables() {
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
                    __builtin_cpu_supports("bmi2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vnni");
  if (avx512) tables[tableCount++] = &avx512Table;
  if (avx2) tables[tableCount++] = &avx2Table;
  if (__builtin_cpu_supports("sse4.2")) tables[tableCount++] = &baselineTable;
#elif defined(__linux__) && defined(__aarch64__)
  // Dot products of bytes and arithmetic on halves; the oldest 64-bit processors have neither.
  constexpr unsigned long needed = HWCAP_ASIMDDP | HWCAP_ASIMDHP;
  if ((getauxval(AT_HWCAP) & needed) == needed) tables[tableCount++] = &neonTable;
#else
  tables[tableCount++] = &neonTable;
#endif
}

bool toNumber(napi_env env, napi_value value, double *out) { return napi_get_value_double(env, value, out) == napi_ok; }

/** Bytes of any typed array from an offset; null or undefined is an absent tensor. */
bool toBytes(napi_env env, napi_value value, double offset, uint8_t **address, double *length) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok) return false;
  *address = nullptr;
  *length = -1;
  if (type == napi_undefined || type == napi_null) return true;
  napi_typedarray_type element;
  size_t count;
  void *data;
  if (napi_get_typedarray_info(env, value, &element, &count, &data, nullptr, nullptr) != napi_ok) return false;
  if (element != napi_uint8_array || !(offset >= 0 && offset <= double(count))) return false;
  // An array without bytes may have no address, which would look absent.
  static uint64_t nothing[8];
  *address = data == nullptr ? reinterpret_cast<uint8_t *>(nothing) : static_cast<uint8_t *>(data) + size_t(offset);
  *length = double(count) - offset;
  return true;
}

napi_value fail(napi_env env, const char *message) {
  napi_throw_type_error(env, nullptr, message);
  return nullptr;
}

napi_value number(napi_env env, double value) {
  napi_value made;
  return napi_create_double(env, value, &made) == napi_ok ? made : nullptr;
}

/**
 * run(table, primitive, threads, …(bytes, offset) of each tensor, …scalars): 0, or −1 where memory for
 * scratch is missing, or the number of the scalar (100 + i) or tensor (1 + i) that does not fit.
 */
napi_value run(napi_env env, napi_callback_info info) {
  napi_value argument[MOST_ARGUMENTS];
  size_t count = MOST_ARGUMENTS;
  if (napi_get_cb_info(env, info, &count, argument, nullptr, nullptr) != napi_ok || count < 3 || count > MOST_ARGUMENTS)
    return fail(env, "[native] expected a table, a primitive, threads and their arguments");
  double table, primitive, threads;
  if (!toNumber(env, argument[0], &table) || !toNumber(env, argument[1], &primitive) || !toNumber(env, argument[2], &threads) ||
      !(table >= 0 && table < tableCount) || !(primitive >= 0 && primitive < PRIMITIVES) || !(threads >= 1 && threads <= 256))
    return fail(env, "[native] expected a table, a primitive and 1 to 256 threads");
  const Signature &signature = signatures[int(primitive)];
  if (count != size_t(3 + 2 * signature.tensors + signature.scalars)) return fail(env, "[native] a wrong number of arguments");
  Call call{};
  double length[12];
  for (int i = 0; i < signature.tensors; i++) {
    double offset;
    if (!toNumber(env, argument[4 + 2 * i], &offset) || !toBytes(env, argument[3 + 2 * i], offset, &call.tensor[i], &length[i]))
      return fail(env, "[native] expected a Uint8Array and an offset inside it");
  }
  for (int i = 0; i < signature.scalars; i++) {
    double value;
    if (!toNumber(env, argument[3 + 2 * signature.tensors + i], &value)) return fail(env, "[native] expected a number");
    call.number[i] = value;
  }
  double needed[12] = {};
  const int wrong = signature.check(call, needed);
  if (wrong >= 0) return number(env, 100 + wrong);
  for (int i = 0; i < signature.tensors; i++) {
    if (call.tensor[i] == nullptr ? needed[i] > 0 : needed[i] > length[i]) return number(env, 1 + i);
  }
  const Kernel &kernel = tables[int(table)]->kernels[int(primitive)];
  return number(env, runTeam(kernel, call, int(threads)) ? 0 : -1);
}

/** packedBytes(rows, columns, bits, group, scaleType, shiftKind) */
napi_value packedSize(napi_env env, napi_callback_info info) {
  napi_value argument[6];
  size_t count = 6;
  double value[6];
  if (napi_get_cb_info(env, info, &count, argument, nullptr, nullptr) != napi_ok || count != 6)
    return fail(env, "[native] expected six numbers");
  for (int i = 0; i < 6; i++)
    if (!toNumber(env, argument[i], &value[i])) return fail(env, "[native] expected six numbers");
  return number(env, extents::packedBytes(value[0], value[1], value[2], value[3], value[4], value[5]));
}

/** primitives(): their names, in the order of the numbers that `run` takes. */
napi_value primitiveNames(napi_env env, napi_callback_info) {
  napi_value list, name;
  if (napi_create_array(env, &list) != napi_ok) return nullptr;
  for (int i = 0; i < PRIMITIVES; i++) {
    if (napi_create_string_utf8(env, signatures[i].name, NAPI_AUTO_LENGTH, &name) != napi_ok) return nullptr;
    napi_set_element(env, list, uint32_t(i), name);
  }
  return list;
}

/** tableNames(): what this processor runs, the best first. */
napi_value tableNames(napi_env env, napi_callback_info) {
  napi_value list, name;
  if (napi_create_array(env, &list) != napi_ok) return nullptr;
  for (int i = 0; i < tableCount; i++) {
    if (napi_create_string_utf8(env, tables[i]->name, NAPI_AUTO_LENGTH, &name) != napi_ok) return nullptr;
    napi_set_element(env, list, uint32_t(i), name);
  }
  return list;
}

/** misalignment(bytes, alignment): how far their address is past a multiple of it. */
napi_value misalignment(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  size_t count = 2;
  uint8_t *address;
  double length, alignment;
  if (napi_get_cb_info(env, info, &count, argument, nullptr, nullptr) != napi_ok || count != 2 ||
      !toBytes(env, argument[0], 0, &address, &length) || address == nullptr || !toNumber(env, argument[1], &alignment) ||
      !(alignment >= 1 && alignment <= 1 << 30))
    return fail(env, "[native] expected a Uint8Array and an alignment");
  return number(env, double(reinterpret_cast<uintptr_t>(address) % uintptr_t(alignment)));
}

/** offerLargePages(bytes): whole pages of 2 MiB among them may be such, where the system asks to be told. */
napi_value offerLargePages(napi_env env, napi_callback_info info) {
  napi_value argument[1];
  size_t count = 1;
  uint8_t *address;
  double length;
  if (napi_get_cb_info(env, info, &count, argument, nullptr, nullptr) != napi_ok || count != 1 ||
      !toBytes(env, argument[0], 0, &address, &length) || address == nullptr)
    return fail(env, "[native] expected a Uint8Array");
#if defined(__linux__)
  const uintptr_t start = (reinterpret_cast<uintptr_t>(address) + 4095) & ~uintptr_t{4095};
  const uintptr_t end = (reinterpret_cast<uintptr_t>(address) + uintptr_t(length)) & ~uintptr_t{4095};
  // A hint: where it is refused, pages are small.
  if (start < end) madvise(reinterpret_cast<void *>(start), end - start, MADV_HUGEPAGE);
#endif
  return nullptr;
}

/** readMemory(bytes, threads) */
napi_value readBytes(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  size_t count = 2;
  uint8_t *address;
  double length, threads;
  if (napi_get_cb_info(env, info, &count, argument, nullptr, nullptr) != napi_ok || count != 2 ||
      !toBytes(env, argument[0], 0, &address, &length) || address == nullptr || !toNumber(env, argument[1], &threads) ||
      !(threads >= 1 && threads <= 256))
    return fail(env, "[native] expected a Uint8Array and 1 to 256 threads");
  return number(env, readMemory(address, length, int(threads)) ? 0 : -1);
}

/** multiplyAdd(times, threads): how many operations that was. */
napi_value multiplyAndAdd(napi_env env, napi_callback_info info) {
  napi_value argument[2];
  size_t count = 2;
  double times, threads;
  if (napi_get_cb_info(env, info, &count, argument, nullptr, nullptr) != napi_ok || count != 2 ||
      !toNumber(env, argument[0], &times) || !toNumber(env, argument[1], &threads) || !(times >= 0 && times <= 1e9) ||
      !(threads >= 1 && threads <= 256))
    return fail(env, "[native] expected up to a billion times and 1 to 256 threads");
  return number(env, multiplyAdd(times, int(threads)));
}

void leave(void *) { releasePool(); }

}  // namespace

void findTablesOnce() {
  static const bool found = (findTables(), true);
  (void)found;
}

napi_value start(napi_env env, napi_value exports) {
  findTablesOnce();
  retainPool();
  napi_add_env_cleanup_hook(env, leave, nullptr);
  const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"run", run},
      {"primitives", primitiveNames},
      {"packedBytes", packedSize},
      {"tableNames", tableNames},
      {"misalignment", misalignment},
      {"offerLargePages", offerLargePages},
      {"readMemory", readBytes},
      {"multiplyAdd", multiplyAndAdd},
  };
  for (const auto &[name, call] : functions) {
    napi_value made;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &made) != napi_ok ||
        napi_set_named_property(env, exports, name, made) != napi_ok)
      return nullptr;
  }
  return exports;
}

}  // namespace tersor

NAPI_MODULE_INIT() { return tersor::start(env, exports); }
