import { existsSync } from 'node:fs'

const candidates = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** The browser of this machine, or undefined; `CHROMIUM_PATH` names another. */
export const chromiumPath = candidates.find(path => path !== undefined && path !== '' && existsSync(path))

/** How tests start it: quiet, and with WebGPU in software, which needs no graphics card. */
export const launchOptions = {
  ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
  headless: true,
  args: [
    '--no-sandbox',
    '--enable-unsafe-webgpu',
    '--use-webgpu-adapter=swiftshader',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
}

/** What makes a page cross-origin isolated, so that threads may share memory. */
export const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

if (chromiumPath === undefined) {
  const problem = 'tests in a browser need Chromium: install it, or set CHROMIUM_PATH'
  if (process.env.TERSOR_REQUIRE_CHROMIUM) throw new Error(problem)
  console.warn(`skipped: ${problem}`)
}
