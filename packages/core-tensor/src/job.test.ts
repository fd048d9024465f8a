import { expect, it } from 'vitest'
import { pace } from './job.ts'

it('pace reports the steps that count', async () => {
  const reports: [number, number][] = []
  const step = pace({ onProgress: (done, total) => reports.push([done, total]) }, 2)
  await step()
  await step(false)
  await step()
  expect(reports).toEqual([
    [1, 2],
    [1, 2],
    [2, 2],
  ])
})

it('pace rejects with the reason of an abort, between steps or before the first', async () => {
  const controller = new AbortController()
  const step = pace({ signal: controller.signal }, 2)
  await step()
  controller.abort(new Error('enough'))
  await expect(step()).rejects.toThrow('enough')
  expect(() => pace({ signal: controller.signal }, 1)).toThrow('enough')
})

it('pace lets a timer run although the job never waits for anything', async () => {
  let fired = false
  setTimeout(() => {
    fired = true
  })
  const step = pace({}, Infinity)
  // Ends, because the turn of the event loop that lets the timer fire comes by itself.
  while (!fired) await step()
  expect(fired).toBe(true)
})
