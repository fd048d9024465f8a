import type { DemoRow } from './demo-report.ts'
import { escapeHtml } from './escape-html.ts'

const WIDTH = 860
const HEIGHT = 420
const MARGIN = { left: 70, right: 150, top: 20, bottom: 50 }
const COLOURS = ['#2563eb', '#db2777', '#d97706', '#059669', '#7c3aed', '#dc2626']

/** The size–loss curve as an SVG: bits a weight across, KL divergence on a logarithmic axis up. */
export function curvePlot(rows: readonly DemoRow[]): string {
  const bits = rows.map(row => row.bitsPerWeight)
  const losses = rows.map(lossOf)
  const low = Math.floor(Math.log10(Math.min(...losses)))
  const high = Math.ceil(Math.log10(Math.max(...losses)))
  const most = Math.ceil(Math.max(...bits)) + 0.5
  const least = Math.floor(Math.min(...bits)) - 0.5
  const x = (value: number) =>
    MARGIN.left + ((value - least) / (most - least)) * (WIDTH - MARGIN.left - MARGIN.right)
  const y = (loss: number) =>
    HEIGHT -
    MARGIN.bottom -
    ((Math.log10(loss) - low) / Math.max(1, high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom)
  const methods = [...new Set(rows.map(row => row.method))]
  const colour = (method: string) => COLOURS[methods.indexOf(method) % COLOURS.length]!

  const grid: string[] = []
  for (let power = low; power <= high; power++) {
    grid.push(
      `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(10 ** power)}" y2="${y(10 ** power)}"/>`,
    )
    grid.push(
      `<text x="${MARGIN.left - 8}" y="${y(10 ** power) + 4}" text-anchor="end">${power >= 0 ? 10 ** power : (10 ** power).toFixed(-power)}</text>`,
    )
  }
  for (let bit = Math.ceil(least); bit <= most; bit++) {
    grid.push(`<text x="${x(bit)}" y="${HEIGHT - MARGIN.bottom + 20}" text-anchor="middle">${bit}</text>`)
  }
  const curves = methods.map(method => {
    const points = rows.filter(row => row.method === method).sort((a, b) => a.bitsPerWeight - b.bitsPerWeight)
    const line = points
      .map(row => `${x(row.bitsPerWeight).toFixed(1)},${y(lossOf(row)).toFixed(1)}`)
      .join(' ')
    const marks = points.map(row => {
      const label = `${row.recipe}: ${row.bitsPerWeight.toFixed(2)} bits a weight, KL ${row.divergence.kl.mean.toPrecision(3)} ± ${row.divergence.kl.standardError.toPrecision(2)}`
      return `<circle cx="${x(row.bitsPerWeight).toFixed(1)}" cy="${y(lossOf(row)).toFixed(1)}" r="6" fill="${colour(method)}"><title>${escapeHtml(label)}</title></circle>`
    })
    return `<polyline points="${line}" fill="none" stroke="${colour(method)}" stroke-width="2"/>${marks.join('')}`
  })
  const legend = methods.map((method, i) => {
    const top = MARGIN.top + 12 + 24 * i
    return `<circle cx="${WIDTH - MARGIN.right + 30}" cy="${top}" r="6" fill="${colour(method)}"/><text x="${WIDTH - MARGIN.right + 44}" y="${top + 4}">${escapeHtml(method)}</text>`
  })
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Size against loss, one curve a method">
${grid.join('\n')}
${curves.join('\n')}
${legend.join('\n')}
<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">bits a weight, metadata included</text>
<text transform="translate(16 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">mean KL from the float model, nats</text>
</svg>`
}

/** A logarithmic axis has no zero. */
function lossOf(row: DemoRow): number {
  return Math.max(row.divergence.kl.mean, 1e-9)
}
