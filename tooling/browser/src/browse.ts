import { chromium, type LaunchOptions, type Page } from 'playwright'
import { preview } from 'vite'
import { launchOptions } from '../../../config/chromium.ts'

/**
 * Serves a folder on localhost and opens its page in Chromium, for as long as `visit` takes. What
 * goes wrong in the page unseen (exceptions, errors of the console) is thrown here.
 */
export async function browse<T>(
  folder: string,
  headers: Record<string, string>,
  visit: (page: Page, url: string) => Promise<T>,
  launch: LaunchOptions = launchOptions,
): Promise<T> {
  const server = await preview({
    configFile: false,
    logLevel: 'error',
    root: folder,
    appType: 'mpa',
    build: { outDir: folder },
    preview: { host: '127.0.0.1', port: 0, headers },
  })
  const { port } = server.httpServer.address() as { port: number }
  const browser = await chromium.launch(launch)
  try {
    const page = await (await browser.newContext()).newPage()
    // Browsers ask for one, and count an answer of 404 as an error.
    await page.route('**/favicon.ico', route => route.fulfill({ status: 204 }))
    const problems: string[] = []
    page.on('pageerror', error => problems.push(String(error)))
    page.on('console', message => message.type() === 'error' && problems.push(message.text()))
    const url = `http://127.0.0.1:${port}/`
    await page.goto(url)
    const result = await visit(page, url).catch((error: Error) => {
      problems.push(error.message)
    })
    if (problems.length > 0) throw new Error(`the page reported:\n${problems.join('\n')}`)
    return result as T
  } finally {
    await browser.close()
    await server.close()
  }
}
