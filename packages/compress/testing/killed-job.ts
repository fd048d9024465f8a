// A process that runs a job, and that SIGKILL ends at a chosen change of the disk:
// node killed-job.mjs FOLDER TARGET AT

import { mortalFiles } from './mortal-files.ts'
import { runToyJob } from './toy-job.ts'

const [folder, target, at] = process.argv.slice(2)
await mortalFiles(Number(at), () => {
  process.kill(process.pid, 'SIGKILL')
  // The signal arrives before the next turn of the event loop.
  for (;;);
})
await runToyJob(folder!, target!)
