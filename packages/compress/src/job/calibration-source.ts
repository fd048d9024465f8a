import type { ModelStatistics } from '../calibration/model-statistics.ts'

/** What a job calibrates on: token windows, or what `collectStatistics` gathered of some. */
export type CalibrationSource = readonly Int32Array[] | ModelStatistics

/** The windows of tokens; none where there are statistics instead. */
export function windowsOf(source: CalibrationSource | undefined): readonly Int32Array[] {
  return source === undefined || hasGathered(source) ? [] : source
}

/** Whether text was gathered into statistics before. */
export function hasGathered(source: CalibrationSource | undefined): source is ModelStatistics {
  return source !== undefined && 'toTensors' in source
}
