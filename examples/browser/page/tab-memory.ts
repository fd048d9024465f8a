/** What is measured where pages may measure: Chromium, and its older way where the page is not isolated. */
interface Measuring {
  measureUserAgentSpecificMemory?(): Promise<{ bytes: number }>
  memory?: { usedJSHeapSize: number }
}

/** Bytes that this page and its workers take, or undefined where the browser does not say. */
export async function tabMemory(): Promise<number | undefined> {
  const measuring = performance as Performance & Measuring
  if (crossOriginIsolated && measuring.measureUserAgentSpecificMemory !== undefined) {
    const measured = await measuring.measureUserAgentSpecificMemory().catch(() => undefined)
    if (measured !== undefined) return measured.bytes
  }
  return measuring.memory?.usedJSHeapSize
}
