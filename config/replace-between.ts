/**
 * The text with what stands between two lines replaced.
 *
 * @throws {Error} unless each marker stands in the text once, in this order
 */
export function replaceBetween(text: string, begin: string, end: string, content: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  const once = from === text.lastIndexOf(begin) && to === text.lastIndexOf(end)
  if (from < 0 || to < from || !once) {
    throw new Error(
      `[replaceBetween] expected "${begin}" and then "${end}", once each; put them where the table goes`,
    )
  }
  return `${text.slice(0, from + begin.length)}\n\n${content.trim()}\n\n${text.slice(to)}`
}
