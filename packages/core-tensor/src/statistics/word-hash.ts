/**
 * 64 bits of 32-bit words as two words: MurmurHash3 (Appleby, 2011, its 32-bit variant for x86) from two
 * seeds. For spreading, not for secrets.
 */
export function hashWords(words: ArrayLike<number>): [number, number] {
  let [a, b] = [0x9747b28c, 0x3c6ef372]
  for (let i = 0; i < words.length; i++) {
    let k = Math.imul(words[i]!, 0xcc9e2d51)
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    a = mixed(a ^ k)
    b = mixed(b ^ k)
  }
  return [finished(a ^ (4 * words.length)), finished(b ^ (4 * words.length))]
}

function mixed(hash: number): number {
  return (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
}

function finished(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
