import type { Card } from '../card.ts'

/** How two values become one, and what does it within a subgroup. */
const joins = {
  add: ['a + b', 'subgroupAdd'],
  max: ['max(a, b)', 'subgroupMax'],
} as const

/**
 * `fold(value, thread)`: the combination of the values of all threads of a group, the same for each of
 * them. All threads must call it.
 */
export function fold(
  { subgroups }: Card,
  name: string,
  size: number,
  join: keyof typeof joins,
  type = 'f32',
): string {
  const [combine, together] = joins[join]
  const parts = /* wgsl */ `
fn ${name}_of(a: ${type}, b: ${type}) -> ${type} { return ${combine}; }
var<workgroup> ${name}_parts: array<${type}, ${subgroups ? size : size / 8}>;
`
  if (subgroups) {
    return /* wgsl */ `${parts}
fn ${name}(value: ${type}, thread: u32) -> ${type} {
  let part = ${together}(value);
  if (thread % subgroup_lanes == 0u) { ${name}_parts[thread / subgroup_lanes] = part; }
  workgroupBarrier();
  var result = ${name}_parts[0];
  for (var i = 1u; i * subgroup_lanes < ${size}u; i++) { result = ${name}_of(result, ${name}_parts[i]); }
  workgroupBarrier();
  return result;
}
`
  }
  return /* wgsl */ `${parts}
var<workgroup> ${name}_values: array<${type}, ${size}>;
// Barriers cost more than a few additions that threads do alike.
fn ${name}(value: ${type}, thread: u32) -> ${type} {
  ${name}_values[thread] = value;
  workgroupBarrier();
  if (thread < ${size / 8}u) {
    var folded = ${name}_values[thread * 8u];
    for (var i = 1u; i < 8u; i++) { folded = ${name}_of(folded, ${name}_values[thread * 8u + i]); }
    ${name}_parts[thread] = folded;
  }
  workgroupBarrier();
  var result = ${name}_parts[0];
  for (var i = 1u; i < ${size / 8}u; i++) { result = ${name}_of(result, ${name}_parts[i]); }
  return result;
}
`
}

/** Below every score: what stands for −∞, which drivers need not have. */
export const LOWEST = '-3.4028234e38'
/** Bits of −∞: what a log-sum-exp of nothing is. */
export const NOTHING = '0xff800000u'
