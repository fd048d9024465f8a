import { candidates, facts } from './devices.ts'
import { kernelRuns } from './kernel-runs.ts'
import { compare, type Measured, measure } from './measure.ts'

const find = (selector: string) => document.querySelector<HTMLElement>(selector)!

/** An element with text or children. */
function make(tag: string, content: string | readonly Node[], className = ''): HTMLElement {
  const element = document.createElement(tag)
  element.className = className
  element.append(...(typeof content === 'string' ? [content] : content))
  return element
}

async function run(): Promise<void> {
  for (const [name, value] of await facts())
    find('#facts').append(make('div', [make('dt', name), make('dd', value)]))

  const all = await candidates()
  const devices = all.flatMap(({ device, ...rest }) => (device === undefined ? [] : [{ ...rest, device }]))
  const verdicts = new Map(
    all.map(({ name, about, device }) => {
      const verdict = make(
        'span',
        device === undefined ? 'not here' : name === 'reference' ? 'the measure' : '…',
        'verdict',
      )
      find('#devices').append(make('li', [make('strong', name), make('span', about), verdict]))
      return [name, verdict] as const
    }),
  )
  find('thead').append(make('tr', [make('th', 'kernel'), ...devices.map(({ name }) => make('th', name))]))

  const firsts = new Map<string, string>()
  for (const [i, each] of kernelRuns.entries()) {
    find('#progress').textContent = `${i + 1} of ${kernelRuns.length}: ${each.kernel}`
    let expected: Measured | undefined
    const row = make('tr', [make('th', [make('code', each.kernel), make('span', each.what)])])
    find('tbody').append(row)
    for (const { name, device } of devices) {
      // Lets the page show what it has.
      await new Promise(resolve => setTimeout(resolve))
      if (each.hostOnly && !device.host) {
        row.append(make('td', '–', 'absent'))
        continue
      }
      try {
        const measured = await measure(each, device)
        expected ??= measured
        const { error, diverges } = compare(expected.values, measured.values)
        if (diverges && !firsts.has(name)) firsts.set(name, `${each.kernel}, ${each.what}`)
        row.append(cell(measured, expected, error, diverges))
      } catch (error) {
        if (!firsts.has(name)) firsts.set(name, `${each.kernel}, ${each.what}: ${(error as Error).message}`)
        row.append(make('td', 'failed', 'diverges'))
      }
    }
  }
  for (const { name } of devices.slice(1)) {
    const verdict = verdicts.get(name)!
    const first = firsts.get(name)
    verdict.textContent = first === undefined ? 'agrees' : `diverges first at ${first}`
    verdict.classList.add(first === undefined ? 'good' : 'bad')
  }
  find('#progress').textContent = ''
  document.body.dataset.state = 'done'
}

function cell(measured: Measured, expected: Measured, error: number, diverges: boolean): HTMLElement {
  const { milliseconds } = measured
  const time = make('b', `${milliseconds < 0.01 ? '< 0.01' : threeDigits(milliseconds)} ms`)
  if (measured === expected) return make('td', [time])
  const ratio = expected.milliseconds / Math.max(milliseconds, 0.005)
  const times = make(
    'i',
    `${ratio < 1 ? ratio.toPrecision(1) : ratio.toFixed(ratio < 10 ? 1 : 0)} ×`,
    ratio < 1 ? 'slower' : '',
  )
  const difference = make('small', error === 0 ? 'same bits' : `± ${error.toExponential(0)}`)
  return make('td', [time, times, difference], diverges ? 'diverges' : '')
}

function threeDigits(value: number): string {
  return value < 1000 ? value.toPrecision(3) : Math.round(value).toLocaleString('en')
}

run().catch(error => {
  find('#progress').textContent = String(error)
  document.body.dataset.state = 'failed'
})
