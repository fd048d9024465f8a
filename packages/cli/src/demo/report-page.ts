import { curvePlot } from './curve-plot.ts'
import type { DemoResult } from './demo-report.ts'
import { demoCells, demoHeader } from './demo-table.ts'
import { escapeHtml } from './escape-html.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #1f2937; --paper: #fff; --line: #e5e7eb; --soft: #6b7280 }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --paper: #111827; --line: #374151; --soft: #9ca3af } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 66rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: 0 } p { color: var(--soft) }
svg { width: 100%; height: auto; margin: 1rem 0 } svg text { font-size: 12px; fill: var(--ink) } .grid { stroke: var(--line) }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .35rem .5rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left } th { color: var(--soft); font-weight: 600 }
`

/** What tells a page of the demonstration from others. */
export const GENERATOR = '<meta name="generator" content="tersor demo">'

/** The main job's result as one HTML page that needs nothing else. */
export function reportPage(result: DemoResult): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map(cell => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`
  const body = demoCells(result)
    .map(cells => row(cells, 'td'))
    .join('\n')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${GENERATOR}
<title>Tersor: ${escapeHtml(result.model)}</title>
<style>${STYLE}</style>
<h1>${escapeHtml(result.model)}, compressed</h1>
<p>${result.parameters} parameters. Every row was written to a file, loaded again and evaluated from it on
${result.evaluatedTokens} tokens ${escapeHtml(result.text)}; calibrated methods saw ${result.calibrationTokens} others.
Methods of fewer than 8 bits leave the token embedding, which is also
the head of many models, at 8. Tasks are scored by exact answers to n prompts each; answer nats is the mean cross-entropy
of the right answers' tokens, which tells apart what is right anyway. KL is the mean divergence from the float model's next-token distribution, with its standard error.</p>
${result.rows.length === 0 ? '' : curvePlot(result.rows)}
<div class="scroll"><table>
<thead>${row(demoHeader(result), 'th')}</thead>
<tbody>
${body}
</tbody>
</table></div>
<p>Device: ${escapeHtml(result.device)}.</p>
</html>
`
}
