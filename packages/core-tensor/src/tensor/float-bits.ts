const scratch = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(8))

/** The exponent of the leading bit of a positive finite number; −1023 for all float64 subnormals. */
export function exponentOf(x: number): number {
  scratch.setFloat64(0, x)
  return (scratch.getUint32(0) >>> 20) - 1023
}

/** 2^e for −1022 ≤ e ≤ 1023, exactly, which `2 ** e` need not be. */
export function powerOfTwo(e: number): number {
  scratch.setUint32(0, (e + 1023) << 20)
  scratch.setUint32(4, 0)
  return scratch.getFloat64(0)
}
