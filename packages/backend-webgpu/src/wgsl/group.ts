/**
 * `fold(value, thread)`: the combination of the values of all threads of a group, the same for each of
 * them. All threads must call it.
 *
 * @param combine  of `a` and `b`
 */
export function fold(name: string, size: number, combine: string, type = 'f32'): string {
  return /* wgsl */ `
var<workgroup> ${name}_values: array<${type}, ${size}>;
fn ${name}(value: ${type}, thread: u32) -> ${type} {
  ${name}_values[thread] = value;
  workgroupBarrier();
  for (var width = ${size / 2}u; width > 0u; width /= 2u) {
    if (thread < width) {
      let a = ${name}_values[thread];
      let b = ${name}_values[thread + width];
      ${name}_values[thread] = ${combine};
    }
    workgroupBarrier();
  }
  let result = ${name}_values[0];
  workgroupBarrier();
  return result;
}
`
}

/** Below every score: what stands for −∞, which drivers need not have. */
export const LOWEST = '-3.4028234e38'
