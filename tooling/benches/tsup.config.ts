import { defineConfig } from 'tsup'

/** The bench alone: what it measures stays outside, in the form in which it is published. */
export default defineConfig({
  entry: ['src/devices.ts'],
  format: 'esm',
  target: 'node20',
  platform: 'node',
  clean: true,
  skipNodeModulesBundle: true,
})
