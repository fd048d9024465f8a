/**
 * `fold(value, thread)`: the combination of the values of all threads of a group, the same for each of
 * them. All threads must call it.
 *
 * @param combine  of `a` and `b`
 */
export function fold(name: string, size: number, combine: string, type = 'f32'): string {
  return /* wgsl */ `
var<workgroup> ${name}_values: array<${type}, ${size}>;
var<workgroup> ${name}_eighths: array<${type}, ${size / 8}>;
fn ${name}_of(a: ${type}, b: ${type}) -> ${type} { return ${combine}; }
// Barriers cost more than a few additions that threads do alike.
fn ${name}(value: ${type}, thread: u32) -> ${type} {
  ${name}_values[thread] = value;
  workgroupBarrier();
  if (thread < ${size / 8}u) {
    var folded = ${name}_values[thread * 8u];
    for (var i = 1u; i < 8u; i++) { folded = ${name}_of(folded, ${name}_values[thread * 8u + i]); }
    ${name}_eighths[thread] = folded;
  }
  workgroupBarrier();
  var result = ${name}_eighths[0];
  for (var i = 1u; i < ${size / 8}u; i++) { result = ${name}_of(result, ${name}_eighths[i]); }
  return result;
}
`
}

/** Below every score: what stands for −∞, which drivers need not have. */
export const LOWEST = '-3.4028234e38'
