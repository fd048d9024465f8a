/** What `parse` gives; where it throws, the file is closed. */
export async function orClose<T>(file: { close(): Promise<void> }, parse: () => Promise<T>): Promise<T> {
  try {
    return await parse()
  } catch (error) {
    await file.close()
    throw error
  }
}
