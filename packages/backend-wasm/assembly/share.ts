/** Where the share of a part begins, of `units` pieces of work; the share of part + 1 begins where it ends. */
// @ts-ignore: decorator
@inline
export function shareOf(units: u32, part: u32, parts: u32): u32 {
  return <u32>((<u64>units * <u64>part) / <u64>parts)
}

/** The same in multiples of `step`, so that no two parts write into one vector. */
// @ts-ignore: decorator
@inline
export function steppedShareOf(units: u32, step: u32, part: u32, parts: u32): u32 {
  const at = shareOf((units + step - 1) / step, part, parts) * step
  return at < units ? at : units
}
