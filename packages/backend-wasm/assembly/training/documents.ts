// Documents that lie side by side, and who works on which: for attention within them.

/** Where a document begins. Borders that contradict the sizes are cut to fit: nothing outside of the tensors is touched. */
export function startOf(borders: usize, document: u32, rows: u32): u32 {
  return <u32>min(max(load<i32>(borders + (document << 2)), 0), <i32>rows)
}

/** Rows of a document. */
export function lengthOf(borders: usize, document: u32, rows: u32, longest: u32): u32 {
  const start = startOf(borders, document, rows)
  const end = startOf(borders, document + 1, rows)
  return end > start ? min(end - start, longest) : 0
}

/**
 * The first key head that is a part's, counted over documents and the key heads of each. The work of one is
 * that of its pairs of rows; the heads whose middle lies in a part's share of all work are its own.
 */
export function firstHead(
  borders: usize,
  documents: u32,
  kvHeads: u32,
  rows: u32,
  longest: u32,
  part: u32,
  parts: u32,
): u32 {
  let goal: f64 = 0
  for (let s: u32 = 0; s < documents; s++) goal += pairsOf(borders, s, rows, longest)
  goal *= (<f64>part / <f64>parts) * <f64>kvHeads
  let before: f64 = 0
  for (let s: u32 = 0; s < documents; s++) {
    const pairs = pairsOf(borders, s, rows, longest)
    for (let head: u32 = 0; head < kvHeads; head++, before += pairs) {
      if (before + pairs / 2 > goal) return s * kvHeads + head
    }
  }
  return documents * kvHeads
}

// @ts-ignore: decorator
@inline
function pairsOf(borders: usize, document: u32, rows: u32, longest: u32): f64 {
  const length = <f64>lengthOf(borders, document, rows, longest)
  return length * length
}
