import { printable } from './printable.ts'

/** Rows as aligned text: the first column to the left, the others to the right. */
export function table(header: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map(row => row.map(printable))
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map(row => (row[i] ?? '').length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  return `${[line(header), widths.map(width => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n')}\n`
}

/** A number of bytes for people: 1.2 kB, 3.4 MB. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  for (const unit of ['kB', 'MB', 'GB']) {
    bytes /= 1000
    if (bytes < 999.5 || unit === 'GB')
      return `${bytes.toFixed(bytes < 10 ? 2 : bytes < 100 ? 1 : 0)} ${unit}`
  }
  return `${bytes}`
}
