/** What every long-running function takes. */
export interface JobOptions {
  /** Stops the job; it rejects with the signal's reason. */
  signal?: AbortSignal
  onProgress?: (done: number, total: number) => void
}
