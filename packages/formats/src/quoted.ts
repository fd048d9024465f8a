/** Text of a stranger's file in an error message: escaped, and cut where it would drown the message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
