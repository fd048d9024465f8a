// test-summary.mjs <vitest's JSON report> <its log>: repeats the runner's summary and ends with one plain line.
// Fails when a test failed, or when there is no report.

import { existsSync, readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

const [reportFile, logFile] = process.argv.slice(2)

const log = existsSync(logFile) ? stripVTControlCharacters(readFileSync(logFile, 'utf8')) : ''
const summary = log
  .split(/\r?\n/)
  .filter(line => /^ +(Test Files|Tests|Errors|Start at|Duration) {2}/.test(line))
console.log(`\n${summary.join('\n')}\n`)

if (!existsSync(reportFile)) {
  console.log('The tests did not report; see the log above.\n0 passed, 1 failed')
  process.exitCode = 1
} else {
  const report = JSON.parse(readFileSync(reportFile, 'utf8'))
  // A file that failed before its first test counts as one failure.
  const broken = report.testResults.filter(
    file => file.status === 'failed' && file.assertionResults.length === 0,
  ).length
  const failed = report.numFailedTests + broken
  const skipped = report.numPendingTests + report.numTodoTests
  console.log(`${report.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  if (failed > 0 || !report.success) process.exitCode = 1
}
