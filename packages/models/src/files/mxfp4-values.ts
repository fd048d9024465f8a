/** What the 16 codes of E2M1 mean (Open Compute Project, 2023, Microscaling Formats 1.0). */
export const E2M1_VALUES = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6]

/** What a code of E8M0 means: 2^(code − 127). */
export function powerOfTwo(code: number): number {
  return 2 ** (code - 127)
}
