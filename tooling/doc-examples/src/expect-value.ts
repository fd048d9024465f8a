import { formatValue } from './format-value.ts'

/** Fails unless a value prints as an example says; `≈`, `…` and `throws` as in the README. */
export async function expectValue(
  run: () => Promise<[unknown]>,
  expected: string,
  where: string,
): Promise<void> {
  if (expected.startsWith('throws ')) return expectThrow(run, expected.slice('throws '.length), where)
  const [value] = await run()
  const approximate = /^≈ ?(.*)$/.exec(expected)
  if (approximate) {
    const text = approximate[1]!.replaceAll('_', '')
    if (typeof value === 'number' && isRounded(value, text)) return
    throw mismatch(where, expected, formatValue(value))
  }
  compare(formatValue(value), expected, where)
}

/** Fails unless console.log of these values would print what an example says. */
export async function expectLog(
  run: () => Promise<unknown[]>,
  expected: string,
  where: string,
): Promise<void> {
  const values = await run()
  compare(
    values.map(value => (typeof value === 'string' ? value : formatValue(value))).join(' '),
    expected,
    where,
  )
}

async function expectThrow(run: () => Promise<unknown>, expected: string, where: string): Promise<void> {
  let error: unknown
  try {
    const [value] = (await run()) as [unknown]
    error = new Error(`it returned ${formatValue(await value)}`)
  } catch (thrown) {
    error = thrown
    if (formatValue(thrown).startsWith(expected)) return
  }
  throw mismatch(where, `throws ${expected}`, formatValue(error))
}

function compare(actual: string, expected: string, where: string): void {
  const pieces = normalized(expected)
    .split('…')
    .map(piece => piece.trim())
  const pattern = pieces.map(piece => piece.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('[\\s\\S]*')
  if (!new RegExp(`^${pattern}$`).test(normalized(actual))) throw mismatch(where, expected, actual)
}

/** Without what people write differently: typed arrays, spaces inside brackets, digits in groups. */
function normalized(text: string): string {
  return text
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/Array\(\d+\) \[/g, 'Array [')
    .replaceAll(/new (\w+Array)\((\[[^\]]*\])\)/g, '$1 $2')
    .replaceAll(/(?<=[[{]) | (?=[\]}])/g, '')
    .replaceAll(/(?<=\d)_(?=\d{3})/g, '')
}

/** Whether a number rounds to the digits of a text. */
function isRounded(value: number, text: string): boolean {
  const [, decimals = '', exponent = '0'] = /^-?\d+(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(text) ?? []
  const unit = 10 ** (Number(exponent) - decimals.length)
  return Math.abs(value - Number(text)) <= unit / 2 + Math.abs(value) * Number.EPSILON
}

function mismatch(where: string, expected: string, actual: string): Error {
  return new Error(`${where}\nexpected: ${expected}\n     got: ${actual}`)
}
