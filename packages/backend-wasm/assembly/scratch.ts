/**
 * The host keeps the address and the size of working memory at the beginning of each memory; every
 * part of a call has its own piece. How much a call needs, `src/primitive-table.ts` knows.
 */
const ADDRESS: usize = 16
const BYTES: usize = 20

/** Working memory of a part, aligned to 64 bytes. */
// @ts-ignore: decorator
@inline
export function scratchOf(part: u32): usize {
  return <usize>load<u32>(ADDRESS) + <usize>part * <usize>load<u32>(BYTES)
}
